// Who dies when the machine itself runs out of memory: no limit of any group is met.
#include "conformance/memory/machine_memory.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/oom/pressing.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kLeft = MiB(96);

// machine, 96M left ─┬─ system       a process of the node, -999, 4M; the presser, -1000
//                    └─ kubepods ─┬─ guaranteed            24M  -997
//                                 ├─ burstable ─┬─ large   18M   250
//                                 │             └─ small   12M   875
//                                 └─ besteffort             6M  1000
Result<results::Arm> MeasureGlobalOrder(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<kubelet::Pod> pods = {
      PodOf("guaranteed", "512Mi", "512Mi"), PodOf("large-request", "6Gi", ""),
      PodOf("small-request", "1Gi", ""), MakePod("besteffort", {{}})};
  const Bytes all = TRY(MemInfo("MemTotal:"));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = all * 2}));
  const auto aside = TRY(PutAside::AllBut(kLeft));
  const cgroup::Cgroup& capsule = context.environment().capsule->group();
  const int64_t limits_met = TRY(Counter(capsule, "memory.events", "oom"));
  const Deaths deaths = TRY(Press(context, tree, pods,
                                  {{"guaranteed", MiB(24)},
                                   {"large-request", MiB(18)},
                                   {"small-request", MiB(12)},
                                   {"besteffort", MiB(6)}},
                                  // There is more than what counts as available: the kernel keeps
                                  // a reserve, of which a process may have a part.
                                  !is_protected, kLeft * 4));
  results::Arm arm =
      OrderArm(tree, is_protected ? "oom_score_adj as the kubelet sets it" : "equal scores", deaths,
               {"besteffort", "small-request", "large-request", "guaranteed"}, MiB(8));
  arm.checks.push_back(CountIs("limits of groups that were met", 0,
                               TRY(Counter(capsule, "memory.events", "oom")) - limits_met));
  return arm;
}

}  // namespace

Claim OomGlobalOrder() {
  return {
      .id = "oom.global-order",
      .statement =
          "When the machine itself runs out of memory BestEffort dies first, then Burstable by "
          "request, then Guaranteed; the node's own processes live.",
      .source = "pkg/kubelet/qos/policy.go, v1.36; mm/oom_kill.c, out_of_memory()",
      .needs = {.controllers = kMemoryControllers,
                .memory = MiB(256),
                .whole_node = true,
                .why_whole_node = "it exhausts the machine's memory"},
      .explanation =
          {.tree = "machine ─┬─ system.slice              a process of the node  -999\n"
                   "         └─ kubepods ─┬─ pod guaranteed     holds 24M  -997\n"
                   "                      ├─ burstable ─┬─ pod large-request  18M   250\n"
                   "                      │             └─ pod small-request  12M   875\n"
                   "                      └─ besteffort ── pod besteffort      6M  1000",
           .load = "No group has a limit that could be met. The pool of huge pages takes all of "
                   "the machine's memory but 96M. Each pod's process holds its memory, the node's "
                   "4M; then a process that cannot be killed (-1000, in system.slice) grows by 32M "
                   "a second until all pods' are dead.",
           .expected =
               "They die in the order besteffort, small-request, large-request, guaranteed, "
               "although each holds more than the one before; the node's process lives; no "
               "group's limit was met.",
           .tolerance = "The order: none. A score of 125 thousandths is an eighth of the machine's "
                        "memory, far more than what any of them holds.",
           .control = "oom_score_adj 0 for all: the largest dies first."},
      .measure = MeasureGlobalOrder};
}

}  // namespace nodeproof::conformance
