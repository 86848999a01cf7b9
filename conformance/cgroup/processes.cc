#include "conformance/cgroup/processes.h"

#include "harness/base/file.h"
#include "harness/cgroup/process.h"

namespace nodeproof::conformance {

Result<int64_t> ProcessesBelow(const cgroup::Cgroup& group) {
  const std::string here = TRY(group.Read("cgroup.procs"));
  auto count = static_cast<int64_t>(Words(here).size());
  for (const std::string& name : TRY(group.Children())) {
    count += TRY(ProcessesBelow(TRY(group.OpenChild(name))));
  }
  return count;
}

Result<int> BirthError(const ArmContext& context, const cgroup::Cgroup& group) {
  auto born = cgroup::Process::Spawn({.name = "late", .group = &group}, [] { return 0; });
  if (!born) return born.error().code;
  TRY(born->Wait(context.patience()));
  return 0;
}

}  // namespace nodeproof::conformance
