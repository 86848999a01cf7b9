// A planted tree: the cgroups of a kubelet::Plan as they stand below the capsule.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cgroup/cgroup.h"
#include "harness/cgroup/knobs.h"
#include "harness/kubelet/plan/plan.h"
#include "harness/results/results.h"

namespace nodeproof::capsule {

class Tree {
 public:
  // Makes `planned`'s children below `root` (which stands for `planned` itself), parents first,
  // with every knob written and read back and `controllers` on at every level that has children.
  static Result<Tree> Plant(const cgroup::Cgroup& root, const kubelet::PlannedCgroup& planned,
                            const std::vector<std::string>& controllers);
  Tree(Tree&&) noexcept = default;
  Tree& operator=(Tree&&) = delete;
  // Kills and removes what was planted; the root stays.
  ~Tree();

  // The group at a planned path ("/kubepods.slice/…"); an error if the plan had none there.
  Result<const cgroup::Cgroup*> At(std::string_view path) const;
  // By role: the pod's or container's group by names; kubepods; a system group by directory name.
  Result<const cgroup::Cgroup*> Pod(std::string_view pod) const;
  Result<const cgroup::Cgroup*> Container(std::string_view pod, std::string_view container) const;
  // The slice of a pod's QoS class, in which the pod stands; kubepods, of a Guaranteed pod.
  Result<const cgroup::Cgroup*> QosSlice(std::string_view pod) const;
  Result<const cgroup::Cgroup*> NodeSlice() const;
  Result<const cgroup::Cgroup*> SystemSlice() const;

  // Every group by its planned path, in order of the paths. The pointers hold until the tree is
  // removed, also when it moves.
  struct Group {
    std::string path;
    const cgroup::Cgroup* group;
  };
  std::vector<Group> Groups() const;
  // Called once, before anything is killed or removed.
  void BeforeRemoval(std::function<void()> callback) { before_removal_ = std::move(callback); }

  // What stands, for the report: every group with its knobs as the kernel read them back.
  const std::vector<results::TreeEntry>& entries() const { return entries_; }
  // Knobs that the kernel accepted but did not keep: "cpu.weight of …: wrote 30, kernel holds 100".
  const std::vector<std::string>& discrepancies() const { return discrepancies_; }

 private:
  struct Planted {
    kubelet::CgroupRole role;
    std::string pod_uid;
    std::string container;
    cgroup::Cgroup group;
  };
  using PlantedGroups = std::map<std::string, Planted, std::less<>>;

  explicit Tree(const cgroup::Cgroup& root) : root_(&root) {}
  Status PlantBelow(const cgroup::Cgroup& parent, const kubelet::PlannedCgroup& planned,
                    const std::vector<std::string>& controllers);
  Status WriteKnobs(const cgroup::Cgroup& group, const kubelet::PlannedCgroup& planned);
  Result<const cgroup::Cgroup*> FindRole(kubelet::CgroupRole role, std::string_view pod_uid,
                                         std::string_view container) const;

  const cgroup::Cgroup* root_;
  std::unique_ptr<PlantedGroups> groups_ = std::make_unique<PlantedGroups>();
  std::vector<results::TreeEntry> entries_;
  std::vector<std::string> discrepancies_;
  std::function<void()> before_removal_;
};

}  // namespace nodeproof::capsule
