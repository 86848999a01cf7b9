// cpu.weight through the levels of the kubelet's tree: QoS classes, pods, containers, and all of
// them at once.
#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/water_filling.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

// kubepods ─┬─ pod guaranteed   1 CPU, weight 39 ── main           one hog
//           ├─ burstable        2200m in all, weight 86 ── pod     one hog
//           └─ besteffort       weight 1 ── pod                    one hog
// All pinned to CPU N.
Result<results::Arm> MeasureQos(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (!is_protected) EqualizeWeights(plan);
    return {};
  };
  const std::vector<kubelet::Pod> pods = {MakePod("guaranteed", {{.cpu_request = "1",
                                                                  .cpu_limit = "1",
                                                                  .memory_request = "64Mi",
                                                                  .memory_limit = "64Mi"}}),
                                          MakePod("burstable", {{.cpu_request = "2200m"}}),
                                          MakePod("besteffort", {{}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  return MeasureShares(
      context, tree, CpuSet{context.QuietCpu()},
      {TRY(InPod(tree, "besteffort", 1.0 / 126)), TRY(InPod(tree, "burstable", 86.0 / 126)),
       TRY(InPod(tree, "guaranteed", 39.0 / 126))},
      is_protected ? "Guaranteed pod 39, burstable 86, besteffort 1" : "all of them 100");
}

// The leaves of the tree below, one hog each on CPU N. Every level is contested, and the largest
// weights lead down to "deep/x", so that a fault of any level shows.
//
// / ─┬─ system.slice  100                                                      0.200
//    └─ kubepods  400 ─┬─ pod guaranteed  20                                   0.160
//                      └─ burstable  80 ─┬─ pod shallow  3000                  0.192
//                                        └─ pod deep  7000 ─┬─ container y  30 0.134
//                                                           └─ container x  70 0.314
Result<results::Arm> MeasureNested(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (!is_protected) {
      EqualizeWeights(plan);
      return {};
    }
    const auto burstable = TRY(PathOfQosSlice(plan, kubelet::QosClass::kBurstable));
    TRY(OverrideWeight(plan, TRY(PathOfNodeSlice(plan)), 400));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "guaranteed")), 20));
    TRY(OverrideWeight(plan, burstable, 80));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "shallow")), 3000));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "deep")), 7000));
    TRY(OverrideWeight(plan, TRY(PathOfContainer(plan, "deep", "x")), 70));
    return OverrideWeight(plan, TRY(PathOfContainer(plan, "deep", "y")), 30);
  };
  const std::vector<kubelet::Pod> pods = {MakePod("guaranteed", {{.cpu_request = "500m",
                                                                  .cpu_limit = "500m",
                                                                  .memory_request = "64Mi",
                                                                  .memory_limit = "64Mi"}}),
                                          MakePod("shallow", {{.cpu_request = "500m"}}),
                                          MakePod("deep", {{.name = "x", .cpu_request = "700m"},
                                                           {.name = "y", .cpu_request = "300m"}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  constexpr double kKubepods = 0.8, kBurstable = kKubepods * 0.8, kDeep = kBurstable * 0.7;
  return MeasureShares(
      context, tree, CpuSet{context.QuietCpu()},
      {TRY(InContainer(tree, "deep", "x", kDeep * 0.7)),
       TRY(InContainer(tree, "deep", "y", kDeep * 0.3)),
       TRY(InPod(tree, "shallow", kBurstable * 0.3)),
       TRY(InPod(tree, "guaranteed", kKubepods * 0.2)), TRY(InSystemSlice(tree, 0.2))},
      is_protected ? "400, 80, 7000, 70 down the tree" : "every weight 100");
}

// The tree as the kubelet makes it, no weight changed, every pod and system.slice with one hog a
// CPU.
//
// / ─┬─ system.slice  100
//    └─ kubepods  137 ─┬─ pod guaranteed  1 CPU, 39
//                      ├─ burstable  86 ─┬─ pod large  1500m, 59
//                      │                 └─ pod small  700m, 28
//                      └─ besteffort  1 ── pod besteffort  1
Result<results::Arm> MeasureFullTree(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<std::string> names = {"large", "small", "guaranteed", "besteffort"};
  std::vector<double> shares;
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    std::vector<PlannedLoad> loads;
    for (const std::string& name : names) {
      loads.push_back({TRY(PathOfContainer(plan, name))});
    }
    loads.push_back({TRY(PathOfSystemSlice(plan))});
    shares = TRY(PredictCpus(plan, loads, 1));
    if (!is_protected) EqualizeWeights(plan);
    return {};
  };
  const std::vector<kubelet::Pod> pods = {MakePod("guaranteed", {{.cpu_request = "1",
                                                                  .cpu_limit = "1",
                                                                  .memory_request = "64Mi",
                                                                  .memory_limit = "64Mi"}}),
                                          MakePod("large", {{.cpu_request = "1500m"}}),
                                          MakePod("small", {{.cpu_request = "700m"}}),
                                          MakePod("besteffort", {{}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  std::vector<Contender> contenders;
  for (size_t i = 0; i < names.size(); ++i) {
    contenders.push_back(TRY(InPod(tree, names[i], shares[i])));
  }
  contenders.push_back(TRY(InSystemSlice(tree, shares.back())));
  return MeasureShares(context, tree, context.ContestCpus(), std::move(contenders),
                       is_protected ? "the kubelet's weights" : "every weight 100");
}

}  // namespace

Claim CpuWeightQos() {
  return {
      .id = "cpu.weight.qos",
      .statement =
          "Inside kubepods, Guaranteed pods, the burstable and the besteffort class share "
          "a CPU by the weights that the kubelet gives them.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/qos_container_manager_linux.go (setCPUCgroupConfig) "
          "and helpers_linux.go (MilliCPUToShares)",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ─┬─ pod guaranteed  cpu.weight 39 (1 CPU)\n"
                   "          ├─ burstable       cpu.weight 86 (2200m)\n"
                   "          └─ besteffort      cpu.weight 1",
           .load = "One CPU hog in a pod of each class, all pinned to the highest-numbered CPU.",
           .expected = "1 / 126 = 0.008 for besteffort, 86 / 126 = 0.683 for burstable, 39 / 126 = "
                       "0.310 for the Guaranteed pod, by usage_usec and by work done.",
           .tolerance = kShareToleranceText,
           .control = "All weights 100: besteffort gets a third, so the check must fail."},
      .measure = MeasureQos};
}

Claim CpuWeightNested() {
  return {
      .id = "cpu.weight.nested",
      .statement =
          "Shares multiply down the tree: what a group gets, its children divide among "
          "themselves by their own weights, at every level down to the containers.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"Weights\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "/ ─┬─ system.slice  100\n"
                   "   └─ kubepods  400 ─┬─ pod guaranteed  20\n"
                   "                     └─ burstable  80 ─┬─ pod shallow  3000\n"
                   "                                       └─ pod deep  7000 ─┬─ container y  30\n"
                   "                                                          └─ container x  70",
           .load = "One CPU hog in each leaf, all pinned to the highest-numbered CPU.",
           .expected = "x gets 0.8 x 0.8 x 0.7 x 0.7 = 0.314, y 0.134, shallow 0.192, guaranteed "
                       "0.160, system.slice 0.200.",
           .tolerance = kShareToleranceText,
           .control = "Every weight 100: x gets 0.5^4 = 0.063, so the check must fail."},
      .measure = MeasureNested};
}

Claim CpuWeightFullTree() {
  return {
      .id = "cpu.weight.full-tree",
      .statement =
          "When pods of all classes and the system saturate every CPU at once, each pod "
          "gets what the kubelet's weights promise it.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm (node, QoS, pod and container cgroups); "
          "Documentation/admin-guide/cgroup-v2.rst, \"Weights\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "/ ─┬─ system.slice  100\n"
                   "   └─ kubepods  137 ─┬─ pod guaranteed  39 (1 CPU)\n"
                   "                     ├─ burstable  86 ─┬─ pod large  59 (1500m)\n"
                   "                     │                 └─ pod small  28 (700m)\n"
                   "                     └─ besteffort  1 ── pod besteffort  1",
           .load =
               "One CPU hog on each CPU in each pod and in system.slice, each pinned to its CPU "
               "(in the deterministic lane on the highest-numbered CPU only).",
           .expected = "Water-filling by the planned weights: large 0.268, small 0.127, guaranteed "
                       "0.179, besteffort 0.005, system.slice 0.422.",
           .tolerance = kShareToleranceText,
           .control = "Every weight 100: large gets 0.083, so the check must fail."},
      .measure = MeasureFullTree};
}

}  // namespace nodeproof::conformance
