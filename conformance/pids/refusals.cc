#include "conformance/pids/refusals.h"

#include "harness/base/file.h"

namespace nodeproof::conformance {

Result<bool> RefusalsCountAtTheLimit(const cgroup::Cgroup& group) {
  if (!group.Has("pids.events.local")) return false;
  const std::string mounts = TRY(ReadFile("/proc/self/mounts"));
  return mounts.find("pids_localevents") == std::string::npos;
}

}  // namespace nodeproof::conformance
