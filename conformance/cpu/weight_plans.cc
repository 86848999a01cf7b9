#include "conformance/cpu/weight_plans.h"

#include <functional>

#include "conformance/pods.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

using kubelet::CgroupRole;
using kubelet::PlannedCgroup;

using Wanted = std::function<bool(const PlannedCgroup&)>;

const PlannedCgroup* Find(const PlannedCgroup& group, const Wanted& wanted) {
  if (wanted(group)) return &group;
  for (const PlannedCgroup& child : group.children) {
    if (const PlannedCgroup* found = Find(child, wanted)) return found;
  }
  return nullptr;
}

Result<std::string> PathWhere(const kubelet::Plan& plan, std::string_view what,
                              const Wanted& wanted) {
  const PlannedCgroup* group = Find(plan.root, wanted);
  if (group == nullptr) return Fail("the plan has no {}", what);
  return group->path;
}

void EqualizeBelow(PlannedCgroup& group) {
  for (kubelet::PlannedKnob& knob : group.knobs) {
    if (knob.file == "cpu.weight") knob = {knob.file, "100", "the same as every other"};
  }
  for (PlannedCgroup& child : group.children) EqualizeBelow(child);
}

}  // namespace

kubelet::NodeSpec FourCpuNode() { return kubelet::SimpleNode(4, GiB(8).value); }
kubelet::NodeSpec LargeNode() { return kubelet::SimpleNode(256, GiB(512).value); }

kubelet::KubeletConfiguration WeightsOnly() {
  kubelet::KubeletConfiguration config;
  config.system_reserved.emplace(kubelet::kCpu, kubelet::Quantity::Parse("500m").value());
  config.cpu_cfs_quota = false;
  return config;
}

void EqualizeWeights(kubelet::Plan& plan) { EqualizeBelow(plan.root); }

Result<std::string> PathOfNodeSlice(const kubelet::Plan& plan) {
  return PathWhere(plan, "kubepods",
                   [](const PlannedCgroup& group) { return group.role == CgroupRole::kNodeSlice; });
}

Result<std::string> PathOfQosSlice(const kubelet::Plan& plan, kubelet::QosClass qos) {
  const std::string_view name = qos == kubelet::QosClass::kBurstable ? "burstable" : "besteffort";
  return PathWhere(plan, name, [name](const PlannedCgroup& group) {
    return group.role == CgroupRole::kQos && group.name.find(name) != std::string::npos;
  });
}

Result<std::string> PathOfSystemSlice(const kubelet::Plan& plan) {
  return PathWhere(plan, "system.slice",
                   [](const PlannedCgroup& group) { return group.name == "system.slice"; });
}

Result<double> PlannedWeight(const kubelet::Plan& plan, std::string_view path) {
  const PlannedCgroup* group =
      Find(plan.root, [path](const PlannedCgroup& each) { return each.path == path; });
  const kubelet::PlannedKnob* knob = group == nullptr ? nullptr : group->Knob("cpu.weight");
  if (knob == nullptr) return Fail("the plan has no cpu.weight for {}", path);
  return static_cast<double>(TRY(ParseInt(knob->value)));
}

Status OverrideWeight(kubelet::Plan& plan, std::string_view path, int64_t weight,
                      std::string_view why) {
  return Override(plan, path, "cpu.weight", fmt::format("{}", weight), why);
}

Result<Contender> InPod(const capsule::Tree& tree, std::string_view pod, double expected_share) {
  Contender contender;
  contender.name = pod;
  contender.runs_in = TRY(tree.Container(pod, "main"));
  contender.counted_at = TRY(tree.Pod(pod));
  contender.expected_share = expected_share;
  return contender;
}

Result<Contender> InContainer(const capsule::Tree& tree, std::string_view pod,
                              std::string_view container, double expected_share) {
  Contender contender;
  contender.name = fmt::format("{}/{}", pod, container);
  contender.runs_in = contender.counted_at = TRY(tree.Container(pod, container));
  contender.expected_share = expected_share;
  return contender;
}

Result<Contender> InSystemSlice(const capsule::Tree& tree, double expected_share) {
  Contender contender;
  contender.name = "system.slice";
  contender.runs_in = contender.counted_at = TRY(tree.SystemSlice());
  contender.expected_share = expected_share;
  return contender;
}

}  // namespace nodeproof::conformance
