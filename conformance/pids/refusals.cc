#include "conformance/pids/refusals.h"

#include <algorithm>

#include "harness/base/mounts.h"

namespace nodeproof::conformance {

Result<bool> RefusalsCountAtTheLimit(const cgroup::Cgroup& group) {
  if (!group.Has("pids.events.local")) return false;
  const auto mounts = TRY(ReadMounts());
  return std::ranges::none_of(
      mounts, [](const Mount& mount) { return mount.HasOption("pids_localevents"); });
}

}  // namespace nodeproof::conformance
