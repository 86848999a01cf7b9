#include "harness/capsule/tree.h"

#include "harness/base/file.h"

namespace nodeproof::capsule {

using cgroup::Cgroup;
using kubelet::CgroupRole;
using kubelet::PlannedCgroup;

Result<Tree> Tree::Plant(const Cgroup& root, const PlannedCgroup& planned,
                         const std::vector<std::string>& controllers) {
  Tree tree(root);  // its destructor removes a half-planted tree
  TRY(tree.PlantBelow(root, planned, controllers));
  return tree;
}

Tree::~Tree() {
  if (!groups_) return;  // moved from
  if (before_removal_) before_removal_();
  groups_.reset();
  const auto children = root_->Children();
  if (!children) return;
  for (const std::string& name : *children) {
    if (const auto child = root_->OpenChild(name)) (void)child->Destroy();
  }
}

Status Tree::PlantBelow(const Cgroup& parent, const PlannedCgroup& planned,
                        const std::vector<std::string>& controllers) {
  if (planned.children.empty()) return {};
  TRY(parent.EnableControllers(controllers));
  for (const PlannedCgroup& child : planned.children) {
    Planted planted{child.role, child.pod_uid, child.container ? child.container->name : "",
                    TRY(parent.CreateChild(child.name))};
    const auto [at, added] = groups_->emplace(child.path, std::move(planted));
    if (!added) return Fail("the plan has {} twice", child.path);
    TRY(WriteKnobs(at->second.group, child));
    TRY(PlantBelow(at->second.group, child, controllers));
  }
  return {};
}

Status Tree::WriteKnobs(const Cgroup& group, const PlannedCgroup& planned) {
  results::TreeEntry entry{planned.path, {}};
  for (const kubelet::PlannedKnob& knob : planned.knobs) {
    if (!group.Has(knob.file)) {
      return std::unexpected(Error{
          fmt::format("the kernel has no {} (cgroup {})", knob.file, group.path()), "", 0, true});
    }
    const cgroup::KnobReading reading = TRY(cgroup::SetKnob(group, knob.file, knob.value));
    entry.knobs[knob.file] = reading.taken;
    if (!reading.kept) {
      discrepancies_.push_back(fmt::format("{} of {}: wrote {}, the kernel holds {}", knob.file,
                                           planned.path, reading.wanted, reading.taken));
    }
  }
  entries_.push_back(std::move(entry));
  return {};
}

std::vector<Tree::Group> Tree::Groups() const {
  std::vector<Group> groups;
  for (const auto& [path, planted] : *groups_) groups.push_back({path, &planted.group});
  return groups;
}

Result<const Cgroup*> Tree::At(std::string_view path) const {
  const auto at = groups_->find(path);
  if (at == groups_->end()) return Fail("the planted tree has no {}", path);
  return &at->second.group;
}

Result<const Cgroup*> Tree::FindRole(CgroupRole role, std::string_view pod_uid,
                                     std::string_view container) const {
  for (const auto& [path, planted] : *groups_) {
    if (planted.role == role && planted.pod_uid == pod_uid && planted.container == container) {
      return &planted.group;
    }
  }
  return Fail("the planted tree has no {} {} {}", ToString(role), pod_uid, container);
}

Result<const Cgroup*> Tree::Pod(std::string_view pod) const {
  return FindRole(CgroupRole::kPod, pod, "");
}
Result<const Cgroup*> Tree::Container(std::string_view pod, std::string_view container) const {
  return FindRole(CgroupRole::kContainer, pod, container);
}
Result<const Cgroup*> Tree::QosSlice(std::string_view pod) const {
  for (const auto& [path, planted] : *groups_) {
    if (planted.role == CgroupRole::kPod && planted.pod_uid == pod) return At(ParentPath(path));
  }
  return Fail("the planted tree has no {} {}", ToString(CgroupRole::kPod), pod);
}
Result<const Cgroup*> Tree::NodeSlice() const { return FindRole(CgroupRole::kNodeSlice, "", ""); }
Result<const Cgroup*> Tree::SystemSlice() const { return FindRole(CgroupRole::kSystem, "", ""); }

}  // namespace nodeproof::capsule
