// cpu.weight: how groups share CPUs when all of them want more than there is.
#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/shares.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr const char* kShareToleranceText =
    "At each edge of a 400 ms window the running task may be uncharged for one tick (4 ms at "
    "HZ=250): 2 x 4 / 400 = 0.02. By work: hold-ups shorter than 100 us are not corrected; 0.1 of "
    "the time of one side moves a share by at most 0.05.";

// A node as the seed examples have it: 4 CPUs, 500m of them reserved.
kubelet::NodeSpec FourCpuNode() { return kubelet::SimpleNode(4, GiB(8).value); }

kubelet::KubeletConfiguration HalfCpuReserved() {
  kubelet::KubeletConfiguration config;
  config.system_reserved.emplace(kubelet::kCpu, kubelet::Quantity::Parse("500m").value());
  return config;
}

// kubepods ── burstable ─┬─ pod a ── main   one hog, pinned to CPU N
//                        └─ pod b ── main   one hog, pinned to CPU N
Result<results::Arm> MeasureSiblings(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    TRY(Override(plan, TRY(PathOfPod(plan, "a")), "cpu.weight", is_protected ? "30" : "100",
                 "set by the claim"));
    return Override(plan, TRY(PathOfPod(plan, "b")), "cpu.weight", is_protected ? "70" : "100",
                    "set by the claim");
  };
  const std::vector<kubelet::Pod> pods = {MakePod("a", {{.cpu_request = "1"}}),
                                          MakePod("b", {{.cpu_request = "1"}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), HalfCpuReserved(), pods, edit));
  results::Arm arm =
      TRY(MeasureShare(context, tree, CpuSet{context.QuietCpu()},
                       {"A", TRY(tree.Container("a", "main")), TRY(tree.Pod("a"))},
                       {"B", TRY(tree.Container("b", "main")), TRY(tree.Pod("b"))}, 0.70));
  arm.description = is_protected ? "weights 30 and 70" : "equal weights";
  return arm;
}

// / ─┬─ system.slice  weight 100 ── service      one hog a CPU
//    └─ kubepods      weight 137 ── pod ── main  one hog a CPU
Result<results::Arm> MeasureSlices(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    for (const kubelet::PlannedCgroup& slice : plan.root.children) {
      if (slice.role != kubelet::CgroupRole::kNodeSlice) continue;
      return Override(plan, slice.path, "cpu.weight", "100", "the same as system.slice");
    }
    return Fail("the plan has no kubepods");
  };
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), HalfCpuReserved(),
                                               {MakePod("pod", {{.cpu_request = "2"}})}, edit));
  results::Arm arm = TRY(MeasureShare(
      context, tree, context.ContestCpus(),
      {"system.slice", TRY(tree.SystemSlice()), TRY(tree.SystemSlice())},
      {"kubepods", TRY(tree.Container("pod", "main")), TRY(tree.NodeSlice())}, 137.0 / 237));
  arm.description = is_protected ? "kubepods 137, system.slice 100" : "both slices 100";
  return arm;
}

// kubepods ── burstable ─┬─ pod small  1 CPU requested, weight 39   one hog a CPU
//                        └─ pod large  2 CPUs requested, weight 79  one hog a CPU
Result<results::Arm> MeasurePods(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return Override(plan, TRY(PathOfPod(plan, "large")), "cpu.weight", "39", "the same as small");
  };
  const std::vector<kubelet::Pod> pods = {MakePod("small", {{.cpu_request = "1"}}),
                                          MakePod("large", {{.cpu_request = "2"}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), HalfCpuReserved(), pods, edit));
  results::Arm arm = TRY(MeasureShare(
      context, tree, context.ContestCpus(),
      {"small", TRY(tree.Container("small", "main")), TRY(tree.Pod("small"))},
      {"large", TRY(tree.Container("large", "main")), TRY(tree.Pod("large"))}, 79.0 / 118));
  arm.description = is_protected ? "weights 79 and 39 of the requests" : "both pods 39";
  return arm;
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
