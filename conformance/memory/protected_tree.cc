#include "conformance/memory/protected_tree.h"

#include <unistd.h>

#include <memory>

#include "conformance/memory/effective_protection.h"
#include "conformance/memory/resting_victim.h"
#include "conformance/pods.h"
#include "harness/base/mounts.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::conformance {
namespace {

// With enough of a CPU that its quota does not hold it up while it reads.
kubelet::Pod GuaranteedPod(const std::string& name) {
  return MakePod(name, {{.cpu_request = "900m",
                         .cpu_limit = "900m",
                         .memory_request = "512Mi",
                         .memory_limit = "512Mi"}});
}

// Below the capsule, whose limit is met: kubepods, its pods, their containers.
Result<Squeezed> ReadTree(const capsule::Tree& tree, const TreePlan& plan) {
  const auto current = [](const cgroup::Cgroup& group) {
    return cgroup::ReadNumber(group, "memory.current");
  };
  const cgroup::Cgroup& slice = *TRY(tree.NodeSlice());
  ProtectedGroup root{.children = {{.usage = TRY(current(slice)), .setting = plan.slice.value}}};
  ProtectedGroup& pods = root.children.front();
  Squeezed squeezed{.slice = Bytes{pods.usage}};
  for (const Leaf& leaf : plan.leaves) {
    const int64_t pod = TRY(current(*TRY(tree.Pod(leaf.name))));
    const int64_t container = TRY(current(*TRY(tree.Container(leaf.name, "main"))));
    pods.children.push_back({.usage = pod,
                             .setting = leaf.setting.value,
                             .children = {{.usage = container, .setting = leaf.setting.value}}});
    squeezed.usage.push_back(Bytes{container});
  }
  ComputeEffectiveProtection(root, TRY(IsRecursive(slice)), ::sysconf(_SC_PAGESIZE));
  for (const ProtectedGroup& pod : pods.children) {
    squeezed.effective.push_back(Bytes{pod.children.front().effective});
  }
  return squeezed;
}

}  // namespace

TreePlan Unprotected(TreePlan plan) {
  plan.slice = Bytes{0};
  for (Leaf& leaf : plan.leaves) leaf.setting = Bytes{0};
  return plan;
}

Result<bool> IsRecursive(const cgroup::Cgroup& group) {
  for (const Mount& mount : TRY(ReadMounts())) {
    if (mount.type != "cgroup2" || !group.path().starts_with(mount.point)) continue;
    return mount.HasOption("memory_recursiveprot");
  }
  return false;
}

Result<capsule::Tree> PlantTree(ArmContext& context, const TreePlan& plan) {
  std::vector<kubelet::Pod> pods;
  for (const Leaf& leaf : plan.leaves) pods.push_back(GuaranteedPod(leaf.name));
  const auto edit = [&](kubelet::Plan& planned) -> Status {
    TRY(SetOnNodeSlice(planned, plan.knob, fmt::format("{}", plan.slice.value)));
    for (const Leaf& leaf : plan.leaves) {
      TRY(SetOnPod(planned, leaf.name, plan.knob, fmt::format("{}", leaf.setting.value)));
    }
    return {};
  };
  return context.Plant(MemoryNode(), {}, pods, edit,
                       {.memory = plan.node, .protection = plan.slice});
}

Result<Squeezed> Squeeze(ArmContext& context, const capsule::Tree& tree, const TreePlan& plan,
                         Bytes hog_target) {
  std::vector<std::unique_ptr<RestingVictim>> victims;
  std::vector<Bytes> before;
  for (const Leaf& leaf : plan.leaves) {
    before.push_back(Bytes{0});
    if (leaf.cache == Bytes{0}) continue;
    victims.push_back(std::make_unique<RestingVictim>(
        TRY(RestingVictim::Start(context, *TRY(tree.Container(leaf.name, "main")), leaf.cache,
                                 RestingVictim::Content::kHoles))));
    before.back() = victims.back()->before();
  }
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = TRY(tree.SystemSlice()), .target = hog_target, .oom_score_adj = 1000}));
  TRY(Await(context, "the hog's end",
            [&]() -> Result<bool> { return hog.Touched() >= hog_target || !TRY(hog.Running()); }));
  Squeezed squeezed = TRY(ReadTree(tree, plan));
  squeezed.before = std::move(before);
  squeezed.hog = hog.Touched();
  return squeezed;
}

std::string Describe(const TreePlan& plan, const Squeezed& squeezed) {
  std::string text = fmt::format("kubepods {} {}, {} left", plan.knob, FormatBytes(plan.slice),
                                 FormatBytes(squeezed.slice));
  for (size_t i = 0; i < plan.leaves.size(); ++i) {
    const Leaf& leaf = plan.leaves[i];
    text += fmt::format("; {} of {} with {}: {} left, {} by the formula", leaf.name,
                        FormatBytes(leaf.cache), FormatBytes(leaf.setting),
                        FormatBytes(squeezed.usage[i]), FormatBytes(squeezed.effective[i]));
  }
  return text;
}

std::vector<results::LoadProof> CachesFilled(const TreePlan& plan, const Squeezed& squeezed) {
  std::vector<results::LoadProof> filled;
  for (size_t i = 0; i < plan.leaves.size(); ++i) {
    if (plan.leaves[i].cache == Bytes{0}) continue;
    filled.push_back(BytesDone("page cache of " + plan.leaves[i].name, plan.leaves[i].cache,
                               squeezed.before[i]));
  }
  return filled;
}

}  // namespace nodeproof::conformance
