#include "harness/capsule/capsule.h"

#include <unistd.h>

#include <algorithm>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/capsule/stale.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::capsule {
namespace {

using cgroup::Cgroup;

std::unexpected<Error> IsOff(const std::string& controller, const std::string& parent) {
  return std::unexpected(Error{
      fmt::format("controller {} is off in {}/cgroup.subtree_control", controller, parent),
      fmt::format("turn it on with: echo +{} > {}/cgroup.subtree_control", controller, parent), 0,
      true});
}

Status CheckEnabled(const Cgroup& parent, const std::vector<std::string>& controllers) {
  const std::string enabled = TRY(parent.Read("cgroup.subtree_control"));
  const auto words = Words(enabled);
  for (const std::string& controller : controllers) {
    if (std::find(words.begin(), words.end(), controller) != words.end()) continue;
    return IsOff(controller, parent.path());
  }
  return {};
}

// Values for "no limit of its own" are written too, so that a limit never reaches the next tree.
Status WriteIfThere(const Cgroup& group, const std::string& file, const std::string& value) {
  return group.Has(file) ? group.Write(file, value) : Status();
}

}  // namespace

Result<Capsule> Capsule::Create(const Cgroup& parent, const std::vector<std::string>& controllers,
                                bool own_parent) {
  if (own_parent) {
    TRY(parent.EnableControllers(controllers));
  } else {
    TRY(CheckEnabled(parent, controllers));
  }
  Cgroup group = TRY(parent.CreateChild(CapsuleName(::getpid())));
  Capsule capsule(std::move(group), controllers);  // removed again if a later step fails
  TRY(capsule.group_->Mark(TRY(OwnerMark(::getpid()))));
  return capsule;
}

Capsule::~Capsule() {
  if (group_) (void)group_->Destroy();
}

Status Capsule::Limit(const CapsuleLimits& limits) const {
  TRY(WriteIfThere(*group_, "memory.swap.max", limits.memory ? "0" : "max"));
  TRY(WriteIfThere(*group_, "memory.max",
                   limits.memory ? fmt::format("{}", limits.memory->value) : "max"));
  TRY(WriteIfThere(*group_, "memory.min", fmt::format("{}", limits.protection.value)));
  TRY(WriteIfThere(*group_, "pids.max", limits.pids ? fmt::format("{}", *limits.pids) : "max"));
  TRY(WriteIfThere(*group_, "cpuset.cpus", limits.cpus.empty() ? "\n" : limits.cpus.ToString()));
  return {};
}

// What earlier trees left behind is still charged here, and may fill the limit of the next one: the
// kernel frees inodes and dentries with a delay (RCU), and no sooner when asked to. What is per CPU
// does not count: it is the groups' own, grows with the node and goes when the last page does.
Status Capsule::AwaitFreed(Bytes most) const {
  if (!group_->Has("memory.current")) return {};
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::seconds(10);
  for (;;) {
    const int64_t charged = TRY(cgroup::ReadNumber(*group_, "memory.current")) -
                            TRY(cgroup::ReadKeyed(*group_, "memory.stat")).Get("percpu");
    if (charged <= most.value || clock.Now() > deadline) return {};
    // Fails where not all of that could be had, and before 5.19.
    (void)group_->Write("memory.reclaim", fmt::format("{}", charged));
    clock.WaitUntil(clock.Now() + Milliseconds(5));
  }
}

Status Capsule::Require(const std::string& controller) const {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), controller) != names.end();
  };
  if (has(controllers_)) return {};
  const std::string& path = group_->path();
  const Cgroup parent = TRY(Cgroup::Open(ParentPath(path)));
  const auto offered = parent.Controllers();
  if (offered && has(*offered)) return IsOff(controller, parent.path());
  return std::unexpected(
      Error{fmt::format("controller {} is not in {}/cgroup.controllers", controller, parent.path()),
            "", 0, true});
}

Result<Tree> Capsule::Plant(const kubelet::Plan& plan, const CapsuleLimits& limits) {
  if (limits.memory) TRY(AwaitFreed(Bytes{limits.memory->value / 16}));
  TRY(Limit(limits));
  return Tree::Plant(*group_, plan.root, controllers_);
}

}  // namespace nodeproof::capsule
