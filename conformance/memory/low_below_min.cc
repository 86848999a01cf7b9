// A Burstable pod's memory.low below a kubepods slice that has memory.min alone, as Memory QoS of
// Kubernetes 1.36 writes them.
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/protected_tree.h"
#include "conformance/memory/resting_victim.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kRequest = MiB(40);
constexpr Bytes kCache = MiB(32);  // of each pod
constexpr Bytes kNode = MiB(96);
// With kubepods' 40M, 8M are left for the hog's process and the node's; 18M and more of the 64M of
// page cache must go: 16M, and what processes and groups take.
constexpr Bytes kHog = kNode - kRequest - MiB(8);

// node 96M ─┬─ kubepods  memory.min 40M ─┬─ burstable  memory.low 40M ── victim  memory.low 40M
//           │                            └─ besteffort ── beside             32M of page cache each
//           └─ system    a hog of 48M
Result<results::Arm> MeasureLowBelowMin(ArmContext& context) {
  const bool as_written = context.Protected();
  kubelet::KubeletConfiguration config;
  TRY(config.feature_gates.Set(kubelet::kMemoryQoS, true));
  config.memory_reservation_policy = kubelet::MemoryReservationPolicy::kTieredReservation;
  const std::vector<kubelet::Pod> pods = {MakePod("victim", {{.memory_request = "40Mi"}}),
                                          MakePod("beside", {{}})};
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (as_written) return {};
    return SetOnNodeSlice(plan, "memory.low", fmt::format("{}", kRequest.value));
  };
  const capsule::Tree tree = TRY(
      context.Plant(MemoryNode(), config, pods, edit, {.memory = kNode, .protection = kRequest}));
  const cgroup::Cgroup& slice = *TRY(tree.NodeSlice());
  RestingVictim victim = TRY(RestingVictim::Start(context, *TRY(tree.Container("victim", "main")),
                                                  kCache, RestingVictim::Content::kHoles));
  RestingVictim beside = TRY(RestingVictim::Start(context, *TRY(tree.Container("beside", "main")),
                                                  kCache, RestingVictim::Content::kHoles));
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = TRY(tree.SystemSlice()), .target = kHog, .oom_score_adj = 1000}));
  TRY(hog.AwaitFull(context.patience()));
  const Bytes kept = TRY(victim.Look());
  const Bytes kept_beside = TRY(beside.Look());
  const bool recursive = TRY(IsRecursive(slice));

  results::Arm arm = DescribedArm(tree, as_written ? "memory.min alone on kubepods, as written"
                                                   : "memory.low 40M on kubepods too");
  arm.checks = {
      BytesAtMost("page cache that the Burstable pod keeps", kCache - MiB(4), kept),
      BytesAtLeast("memory.current of kubepods", recursive ? kRequest : Bytes{0},
                   Bytes{TRY(cgroup::ReadNumber(slice, "memory.current"))}, kLostToReclaim),
      CountIs("memory.low of kubepods as planned", 0,
              as_written ? TRY(cgroup::ReadNumber(slice, "memory.low")) : 0)};
  arm.notes.push_back(fmt::format("of {} each the Burstable pod keeps {}, the BestEffort one {}",
                                  FormatBytes(kCache), FormatBytes(kept),
                                  FormatBytes(kept_beside)));
  arm.load = {BytesDone("page cache of victim", kCache, victim.before()),
              BytesDone("page cache of beside", kCache, beside.before()),
              BytesDone("anon hog", kHog, hog.Touched())};
  return arm;
}

}  // namespace

Claim MemoryLowBelowMin() {
  return {
      .id = "memory.low.below-min-only",
      .statement =
          "A Burstable pod's memory.low does nothing below a kubepods slice that has memory.min "
          "alone, as Kubernetes 1.36 writes them.",
      .source =
          "pkg/kubelet/cm/qos_container_manager_linux.go, v1.36 (TieredReservation); "
          "mm/memcontrol.c, effective_protection()",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "node 96M ─┬─ kubepods  memory.min 40M\n"
                   "          │    ├─ burstable  memory.low 40M ── pod victim  memory.low 40M\n"
                   "          │    └─ besteffort ── pod beside\n"
                   "          └─ system.slice",
           .load =
               "Each pod reads 32M into the page cache. A hog in system.slice grows to 48M: 18M "
               "and more must go, all from kubepods.",
           .expected =
               "The Burstable pod loses 4M and more, although it is within its memory.low and the "
               "BestEffort pod has more than enough to give: effective protection is at most what "
               "the parent has of the same kind, and kubepods has no memory.low. What keeps "
               "anything is memory.min of kubepods, which both pods share by use where the "
               "hierarchy is mounted with memory_recursiveprot.",
           .tolerance = "4M of about 10M that the pod loses when both lose alike; with working "
                        "protection it loses none. kubepods keeps its memory.min but for 512K, as "
                        "in memory.min.random-trees.",
           .control = "memory.low 40M on kubepods too: the Burstable pod keeps all of its 32M."},
      .measure = MeasureLowBelowMin};
}

}  // namespace nodeproof::conformance
