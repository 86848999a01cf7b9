// The capsule: one cgroup below which everything stands that nodeproof starts, a node in miniature.
// Memory exhaustion, fork bombs and OOM kills happen inside it and cannot reach past it.
//
//   / ── nodeproof-<pid>.slice          marked as ours by an extended attribute
//         ├─ system.slice               planted from a kubelet::Plan
//         └─ kubepods.slice …
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/capsule/tree.h"
#include "harness/cgroup/cgroup.h"
#include "harness/kubelet/plan/plan.h"

namespace nodeproof::capsule {

// What the node in miniature has. Unset is no limit of its own.
struct CapsuleLimits {
  std::optional<Bytes> memory = std::nullopt;  // memory.max, with no swap
  std::optional<int64_t> pids = std::nullopt;  // pids.max
  // memory.min of the capsule itself: what below it is protected is, on a host, protected against
  // the host's other processes too.
  Bytes protection{0};
  CpuSet cpus = {};  // cpuset.cpus; empty is all of the parent's
};

class Capsule {
 public:
  // Makes the capsule below `parent`, whose subtree_control must have `controllers` on. Where it
  // has not, an error names the controller and how to turn it on; with `own_parent` (a VM, where
  // nobody else uses the hierarchy) they are turned on.
  static Result<Capsule> Create(const cgroup::Cgroup& parent,
                                const std::vector<std::string>& controllers, bool own_parent);
  Capsule(Capsule&& other) noexcept = default;
  Capsule& operator=(Capsule&&) = delete;
  // Kills and removes everything below, and the capsule.
  ~Capsule();

  // Builds the cgroups of `plan` below the capsule; they go when the Tree goes. Only one tree
  // stands at a time. `limits` apply until the next one is planted.
  Result<Tree> Plant(const kubelet::Plan& plan, const CapsuleLimits& limits = {});

  const cgroup::Cgroup& group() const { return *group_; }
  const std::vector<std::string>& controllers() const { return controllers_; }
  // An error marked `unsupported` if the capsule does not have `controller`: it says whether the
  // node does not offer it at all, or how to turn it on.
  Status Require(const std::string& controller) const;

 private:
  Capsule(cgroup::Cgroup group, std::vector<std::string> controllers)
      : group_(std::make_unique<cgroup::Cgroup>(std::move(group))),
        controllers_(std::move(controllers)) {}
  Status Limit(const CapsuleLimits& limits) const;
  // Returns when no more than `most` is charged to the capsule, at the latest after 10 s.
  Status AwaitFreed(Bytes most) const;

  std::unique_ptr<cgroup::Cgroup> group_;
  std::vector<std::string> controllers_;
};

}  // namespace nodeproof::capsule
