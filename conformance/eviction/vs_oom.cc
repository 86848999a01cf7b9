// The race between the kubelet's eviction and the kernel's OOM killer.
#include "conformance/eviction/eviction_agent.h"
#include "conformance/eviction/eviction_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kNode = MiB(96);
constexpr Bytes kThreshold = MiB(32);

// node 96M ── besteffort ── pod   a hog that wants 128M
//
//   slow   8M a second: 4 s from the threshold to the OOM kill, a pass every 500 ms
//   fast   as fast as it can: the next pass is 20 s away
Result<results::Arm> MeasureVsOom(ArmContext& context) {
  const bool slow = context.Protected();
  const std::vector<kubelet::Pod> pods = {MakePod("pod", {{}})};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = kNode}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  kubelet::KubeletConfiguration config;
  config.eviction_hard = {{"memory.available", fmt::format("{}", kThreshold.value)}};
  EvictionAgent agent = TRY(EvictionAgent::Create(context, tree, config, pods, {.memory = kNode}));
  const Nanoseconds interval = slow ? Nanoseconds(Milliseconds(500)) : std::chrono::seconds(20);
  TRY(agent.Pass());
  // Up to 16M short of the threshold at once, so that the slow one does not take long.
  stress::AnonHog before = TRY(stress::AnonHog::Start({.name = "before",
                                                       .group = &group,
                                                       .target = kNode - kThreshold - MiB(16),
                                                       .oom_score_adj = 1000}));
  TRY(before.AwaitFull(context.patience()));
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = &group, .target = kNode, .oom_score_adj = 1000, .rate = slow ? MiB(8) : Bytes{0}}));
  const Clock& clock = context.clock();
  Nanoseconds due = clock.Now() + interval;
  int64_t kills = 0;
  TRY(Await(context, "an eviction or an OOM kill", [&]() -> Result<bool> {
    kills = TRY(Counter(group, "memory.events", "oom_kill"));
    if (kills > 0) return true;
    if (clock.Now() < due) return false;
    due += interval;
    TRY(agent.Pass());
    return !agent.evicted().empty();
  }));
  const Bytes touched = before.Touched() + hog.Touched();
  results::Arm arm = DescribedArm(
      tree, slow ? "8M a second, a pass every 500 ms" : "as fast as it can, the next pass in 20 s");
  arm.checks = {CountIs("oom_kill in memory.events", 0, kills),
                CountIs("pods evicted", 1, static_cast<int64_t>(agent.evicted().size())),
                BytesAtMost("memory touched by then", kNode - MiB(8), touched)};
  arm.load = {BytesDone("hogs", kNode - kThreshold - MiB(2), touched)};
  return arm;
}

}  // namespace

Claim EvictionVsOom() {
  return {.id = "eviction.vs-oom",
          .statement =
              "The kubelet evicts before the kernel kills as long as threshold / growth rate is "
              "longer than its interval.",
          .source = "pkg/kubelet/eviction/eviction_manager.go (a pass every 10 s)",
          .needs = {.controllers = kMemoryControllers, .memory = MiB(128)},
          .explanation =
              {.tree = "node 96M ── besteffort ── pod",
               .load = "A hog that wants all, 8M a second. The hard threshold is 32M, a pass every "
                       "500 ms: from the threshold to the end of memory it is 4 s.",
               .expected = "The pod is evicted, with at least 8M left, and nothing is OOM-killed.",
               .tolerance = "It would take a pass that is 3 s late to come to the last 8M.",
               .control = "As fast as it can, the next pass 20 s away: the kernel kills first."},
          .measure = MeasureVsOom};
}

}  // namespace nodeproof::conformance
