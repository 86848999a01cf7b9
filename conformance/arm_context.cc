#include "conformance/arm_context.h"

#include <algorithm>
#include <functional>

#include "harness/capsule/node_here.h"
#include "harness/kubelet/node_plan/node_plan.h"

namespace nodeproof::conformance {
namespace {

// What a claim gets that sets no limits itself: nothing that it does can reach past the capsule.
constexpr Bytes kCapsuleMemory = MiB(512);
constexpr int64_t kCapsulePids = 4096;

// FNV-1a: a fixed hash, so that a seed means the same on every machine and library.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// A plan may be for a larger node than the one at hand: its CPU lists are cut to the CPUs that are
// here, and one that names none of them is left out.
void CutToNode(kubelet::PlannedCgroup& group, const CpuSet& online) {
  std::erase_if(group.knobs, [&](kubelet::PlannedKnob& knob) {
    if (knob.file != "cpuset.cpus") return false;
    const auto planned = CpuSet::Parse(knob.value);
    if (!planned || online.Contains(*planned)) return false;
    const CpuSet here = *planned & online;
    knob.value = here.ToString();
    knob.derivation += ", cut to the CPUs of this node";
    return here.empty();
  });
  for (kubelet::PlannedCgroup& child : group.children) CutToNode(child, online);
}

}  // namespace

ArmContext::ArmContext(const Environment& environment, const Claim& claim, ArmRole role)
    : environment_(environment),
      claim_(claim),
      role_(role),
      online_(environment.topology.Online()),
      random_(environment.seed ^ HashOf(claim.id)),
      begun_(environment.clock->Now()),
      recorder_(*environment.clock) {}

Result<kubelet::Plan> ArmContext::MakePlan(const kubelet::NodeSpec& node_spec,
                                           const kubelet::KubeletConfiguration& config,
                                           const std::vector<kubelet::Pod>& pods) const {
  kubelet::PlanOptions options;
  options.driver = environment_.driver;
  kubelet::Plan plan = TRY(kubelet::MakePlan(node_spec, config, pods, options));
  CutToNode(plan.root, online_);
  return plan;
}

Result<capsule::Tree> ArmContext::Plant(const kubelet::NodeSpec& node_spec,
                                        const kubelet::KubeletConfiguration& config,
                                        const std::vector<kubelet::Pod>& pods,
                                        const std::function<Status(kubelet::Plan&)>& edit,
                                        const capsule::CapsuleLimits& limits) {
  kubelet::Plan plan = TRY(MakePlan(node_spec, config, pods));
  if (edit) TRY(edit(plan));
  return Plant(plan, limits);
}

kubelet::NodeSpec ArmContext::NodeHere() const {
  return capsule::NodeSpecOf(topology(), environment_.memory);
}

Result<kubelet::Plan> ArmContext::PlanHere(const kubelet::KubeletConfiguration& config,
                                           const std::vector<kubelet::Pod>& pods) const {
  kubelet::PlanOptions options;
  options.driver = environment_.driver;
  return kubelet::PlanNode(NodeHere(), config, pods, options);
}

Result<capsule::Tree> ArmContext::Plant(const kubelet::Plan& plan,
                                        const capsule::CapsuleLimits& limits) {
  capsule::CapsuleLimits own = limits;
  if (!own.memory) own.memory = std::max(claim_.needs.memory, kCapsuleMemory);
  if (!own.pids) own.pids = kCapsulePids;
  capsule::Tree tree = TRY(environment_.capsule->Plant(plan, own));
  recorder_.Follow(tree);
  return tree;
}

Result<measure::WindowedChecks> ArmContext::TakeWindows(
    Milliseconds length, const std::vector<measure::Quantity>& quantities,
    const std::function<Status()>& open, const measure::CloseWindow& close) {
  const Seconds budget =
      environment_.claim_timeout.count() > 0 ? environment_.claim_timeout / 2 : claim_.arm_budget;
  return measure::TakeWindows(clock(), {length, budget}, quantities, open, close,
                              [this](int windows) {
                                if (!environment_.progress) return;
                                environment_.progress(role_, windows, clock().Now() - begun_);
                              });
}

}  // namespace nodeproof::conformance
