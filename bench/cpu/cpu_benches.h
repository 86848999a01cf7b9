// Benchmarks of CPU time: wake-ups, throttling, context switches, process births, the cost of
// cgroups and of reading them, noise; and the kubelet's policy on a large node.
#pragma once

#include "bench/core/bench.h"

namespace nodeproof::bench {

void RegisterCpuBenches(Registry& registry);

void AddWakeups(Registry& registry);
void AddSwitches(Registry& registry);
void AddBirths(Registry& registry);
void AddGroupCosts(Registry& registry);
void AddRuntimes(Registry& registry);
void AddStatReads(Registry& registry);
void AddPolicy(Registry& registry);

// The controllers that a kubelet turns on and that these benchmarks' groups have.
inline const std::vector<std::string> kGroupControllers = {"cpu", "memory", "pids"};

}  // namespace nodeproof::bench
