// A node that runs out of memory while pods' processes hold theirs: who dies, in which order.
#pragma once

#include <string>
#include <vector>

#include "conformance/memory/steps.h"

namespace nodeproof::conformance {

// A process of a pod that holds memory and waits to be killed.
struct Candidate {
  std::string pod;
  Bytes memory{0};
};

struct Deaths {
  std::vector<std::string> order;  // names of those that died, first first
  int64_t by_signal = 0;           // of them, how many ended by SIGKILL
  bool node_process_lived = false;
  Bytes pressed{0};
};

// A pod that asks for `request` of memory; Guaranteed if there is a `limit`.
kubelet::Pod PodOf(std::string_view name, std::string_view request, std::string_view limit);

// Each candidate touches its memory, on one CPU: each CPU on which a process ran may keep up to 32
// of its pages uncounted (get_mm_rss()). So does a process of the node (4M, -999). Then one that
// cannot be killed presses, at a rate that leaves time to see each death before the next, until all
// candidates are dead or it holds `press`. Scores are those of the plan, or 0 with `equal_adj`.
Result<Deaths> Press(ArmContext& context, const capsule::Tree& tree,
                     const std::vector<kubelet::Pod>& pods,
                     const std::vector<Candidate>& candidates, bool equal_adj, Bytes press);

// The arm with its checks; `needed` is what the presser must have touched at the least.
results::Arm OrderArm(const capsule::Tree& tree, std::string description, const Deaths& deaths,
                      const std::vector<std::string>& expected, Bytes needed);

}  // namespace nodeproof::conformance
