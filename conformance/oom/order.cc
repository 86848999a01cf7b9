// Who dies when the node runs out of memory.
#include "conformance/oom/oom_claims.h"
#include "conformance/oom/pressing.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

// node 128M ─┬─ system       a process of the node, -999, 4M; the presser, -1000
//            └─ kubepods ─┬─ guaranteed            30M  -997
//                         ├─ burstable ─┬─ large   28M  1000 - 1000 x 6Gi/8Gi = 250
//                         │             └─ small   25M  1000 - 1000 x 1Gi/8Gi = 875
//                         └─ besteffort            10M  1000
//
// besteffort is ahead of small by 125 thousandths of the node, 16M, and small holds 15M more.
constexpr Bytes kNode = MiB(128);

Result<results::Arm> MeasureOrder(ArmContext& context) {
  const std::vector<kubelet::Pod> pods = {
      PodOf("guaranteed", "512Mi", "512Mi"), PodOf("large-request", "6Gi", ""),
      PodOf("small-request", "1Gi", ""), MakePod("besteffort", {{}})};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = kNode}));
  const bool is_protected = context.Protected();
  const Deaths deaths = TRY(Press(context, tree, pods,
                                  {{"guaranteed", MiB(30)},
                                   {"large-request", MiB(28)},
                                   {"small-request", MiB(25)},
                                   {"besteffort", MiB(10)}},
                                  !is_protected, kNode - MiB(8)));
  return OrderArm(tree, is_protected ? "oom_score_adj as the kubelet sets it" : "equal scores",
                  deaths, {"besteffort", "small-request", "large-request", "guaranteed"}, MiB(16));
}

// node 96M ─┬─ system          a process of the node, -999, 4M; the presser, -1000
//           └─ besteffort ─┬─ large   32M  1000
//                          └─ small   16M  1000
constexpr Bytes kSmallNode = MiB(96);

Result<results::Arm> MeasureLargest(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<kubelet::Pod> pods = {MakePod("large", {{}}), MakePod("small", {{}})};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = kSmallNode}));
  const Bytes small = MiB(16);
  const Bytes large = MiB(32);
  const Deaths deaths =
      TRY(Press(context, tree, pods,
                {{"large", is_protected ? large : small}, {"small", is_protected ? small : large}},
                false, kSmallNode - MiB(8)));
  return OrderArm(tree, is_protected ? "large holds 32M, small 16M" : "the other way round", deaths,
                  {"large", "small"}, MiB(40));
}

}  // namespace

Claim OomOrder() {
  return {
      .id = "oom.order",
      .statement =
          "When the node runs out of memory BestEffort dies first, then Burstable by "
          "request, then Guaranteed; the node's own processes live.",
      .source = "pkg/kubelet/qos/policy.go, v1.36; mm/oom_kill.c, oom_badness()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node 128M ─┬─ system.slice              a process of the node  -999\n"
                   "           └─ kubepods ─┬─ pod guaranteed     holds 30M    -997\n"
                   "                        ├─ burstable ─┬─ pod large-request  28M     250\n"
                   "                        │             └─ pod small-request  25M     875\n"
                   "                        └─ besteffort ── pod besteffort     10M    1000",
           .load = "Each pod's process holds its memory, the node's 4M. Then a process that cannot "
                   "be killed (-1000, in system.slice) grows by 32M a second until all pods' are "
                   "dead.",
           .expected =
               "They die in the order besteffort, small-request, large-request, guaranteed, "
               "although each holds more than the one before. The node's process lives.",
           .tolerance =
               "The order: none. A score of 125 thousandths is 16M of the node, more than the 15M "
               "by which besteffort holds less than small-request; 1M is left for what a process "
               "has of its own and the kernel counts late (32 pages of a kind on the one CPU that "
               "the processes keep to). Scores that counted for a tenth less (14.4M) would turn "
               "the two round.",
           .control = "oom_score_adj 0 for all: the largest dies first."},
      .measure = MeasureOrder};
}

Claim OomLargestFirst() {
  return {
      .id = "oom.largest-first",
      .statement =
          "Of processes with equal oom_score_adj the one that uses most memory dies first.",
      .source = "mm/oom_kill.c, oom_badness()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation = {.tree = "node 96M ─┬─ system.slice             a process of the node  -999\n"
                              "          └─ besteffort ─┬─ pod large   32M  1000\n"
                              "                         └─ pod small   16M  1000",
                      .load = "As in oom.order.",
                      .expected = "large dies before small.",
                      .tolerance = "The order: none.",
                      .control = "The same with 16M in large and 32M in small: small dies first."},
      .measure = MeasureLargest};
}

}  // namespace nodeproof::conformance
