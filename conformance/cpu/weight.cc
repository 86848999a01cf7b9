// cpu.weight: how groups share CPUs when all of them want more than there is.
#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/shares.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

// kubepods ── burstable ─┬─ pod a ── main   one hog, pinned to CPU N
//                        └─ pod b ── main   one hog, pinned to CPU N
Result<results::Arm> MeasureSiblings(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "a")), is_protected ? 30 : 100));
    return OverrideWeight(plan, TRY(PathOfPod(plan, "b")), is_protected ? 70 : 100);
  };
  const std::vector<kubelet::Pod> pods = {MakePod("a", {{.cpu_request = "1"}}),
                                          MakePod("b", {{.cpu_request = "1"}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  return MeasureShares(context, tree, CpuSet{context.QuietCpu()},
                       {TRY(InPod(tree, "b", 0.70)), TRY(InPod(tree, "a", 0.30))},
                       is_protected ? "weights 30 and 70" : "equal weights");
}

// / ─┬─ system.slice  weight 100 ── service      one hog a CPU
//    └─ kubepods      weight 137 ── pod ── main  one hog a CPU
Result<results::Arm> MeasureSlices(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return OverrideWeight(plan, TRY(PathOfNodeSlice(plan)), 100, "the same as system.slice");
  };
  const capsule::Tree tree = TRY(
      context.Plant(FourCpuNode(), WeightsOnly(), {MakePod("pod", {{.cpu_request = "2"}})}, edit));
  Contender kubepods = TRY(InPod(tree, "pod", 137.0 / 237));
  kubepods.name = "kubepods";
  kubepods.counted_at = TRY(tree.NodeSlice());
  return MeasureShares(context, tree, context.ContestCpus(),
                       {std::move(kubepods), TRY(InSystemSlice(tree, 100.0 / 237))},
                       is_protected ? "kubepods 137, system.slice 100" : "both slices 100");
}

// kubepods ── burstable ─┬─ pod small  1 CPU requested, weight 39   one hog a CPU
//                        └─ pod large  2 CPUs requested, weight 79  one hog a CPU
Result<results::Arm> MeasurePods(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return OverrideWeight(plan, TRY(PathOfPod(plan, "large")), 39, "the same as small");
  };
  const std::vector<kubelet::Pod> pods = {MakePod("small", {{.cpu_request = "1"}}),
                                          MakePod("large", {{.cpu_request = "2"}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  return MeasureShares(
      context, tree, context.ContestCpus(),
      {TRY(InPod(tree, "large", 79.0 / 118)), TRY(InPod(tree, "small", 39.0 / 118))},
      is_protected ? "weights 79 and 39 of the requests" : "both pods 39");
}

}  // namespace

Claim CpuWeightSiblings() {
  return {
      .id = "cpu.weight.siblings",
      .statement = "Two saturated siblings on one CPU share it in proportion to cpu.weight.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ── burstable ─┬─ pod a  cpu.weight 30\n"
                   "                       └─ pod b  cpu.weight 70",
           .load = "One CPU hog in each pod, both pinned to the highest-numbered CPU.",
           .expected = "B gets 70 / (30 + 70) = 0.70 of what both get, by usage_usec and by work "
                       "done (corrected for CPU time that a hypervisor took away).",
           .tolerance = kShareToleranceText,
           .control = "Both weights 100: B gets 0.50, so the check must fail."},
      .measure = MeasureSiblings};
}

Claim CpuWeightSlices() {
  return {
      .id = "cpu.weight.slices",
      .statement =
          "When kubepods and system.slice are both saturated, each gets its part of the "
          "CPUs by the weights that the kubelet and systemd give them.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/node_container_manager_linux.go; "
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation = {.tree = "/ ─┬─ system.slice  cpu.weight 100\n"
                              "   └─ kubepods      cpu.weight 137 (4 CPUs, 500m reserved)",
                      .load = "One CPU hog on each CPU in system.slice and in a pod, each pinned "
                              "to its CPU (in the "
                              "deterministic lane on the highest-numbered CPU only).",
                      .expected = "kubepods gets 137 / 237 = 0.578 of the CPUs (2.31 of 4).",
                      .tolerance = kShareToleranceText,
                      .control = "Both slices 100: kubepods gets 0.50, so the check must fail."},
      .measure = MeasureSlices};
}

Claim CpuWeightPods() {
  return {
      .id = "cpu.weight.pods",
      .statement = "Burstable pods that want more CPU than there is share it by their requests.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/helpers_linux.go (MilliCPUToShares) and "
          "cgroup_manager_linux.go (getCPUWeight)",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ── burstable ─┬─ pod small  request 1 CPU,  cpu.weight 39\n"
                   "                       └─ pod large  request 2 CPUs, cpu.weight 79",
           .load =
               "One CPU hog on each CPU in each pod, each pinned to its CPU (in the deterministic "
               "lane on the highest-numbered CPU only).",
           .expected = "large gets 79 / 118 = 0.669 of the CPUs (2.67 of 4).",
           .tolerance = kShareToleranceText,
           .control = "Both pods 39: large gets 0.50, so the check must fail."},
      .measure = MeasurePods};
}

}  // namespace nodeproof::conformance
