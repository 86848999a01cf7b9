#include "harness/cgroup/static_keys.h"

#include <algorithm>

namespace nodeproof::cgroup {

Status HoldStaticKeys(const Cgroup& root, const std::vector<std::string>& controllers) {
  TRY(root.EnableControllers(controllers));  // a cpuset group holds its key by being there
  const Cgroup group = TRY(root.CreateChild("static-keys"));
  if (std::find(controllers.begin(), controllers.end(), "cpu") == controllers.end()) return {};
  return group.Write("cpu.max", "100000 100000");
}

}  // namespace nodeproof::cgroup
