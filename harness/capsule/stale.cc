#include "harness/capsule/stale.h"

#include <cerrno>
#include <filesystem>

#include "harness/base/file.h"

namespace nodeproof::capsule {
namespace {

constexpr std::string_view kPrefix = "nodeproof-";
constexpr std::string_view kSuffix = ".slice";
constexpr std::string_view kNamespace = " pidns=";

// The 22nd field of /proc/<pid>/stat; the second, the name, may hold blanks and parentheses.
Result<std::string> StartTime(pid_t pid, const std::string& proc) {
  const std::string stat = TRY(ReadFile(fmt::format("{}/{}/stat", proc, pid)));
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return Fail("{}/{}/stat has no name", proc, pid);
  const auto fields = Words(std::string_view(stat).substr(name_end + 1));
  if (fields.size() < 20) return Fail("{}/{}/stat is cut short", proc, pid);
  // Killed, and its parent does not care: it owns nothing any more.
  if (fields[0] == "Z" || fields[0] == "X") return Fail("process {} has ended", pid);
  return std::string(fields[19]);
}

// Which pids are meant: of the namespace that this process is in, by its inode. "" without
// namespaces in the kernel.
std::string PidNamespace(const std::string& proc) {
  std::error_code error;
  const std::string link =
      std::filesystem::read_symlink(proc + "/self/ns/pid", error);  // "pid:[N]"
  const size_t begin = link.find('[');
  if (error || begin == std::string::npos || !link.ends_with(']')) return "";
  return link.substr(begin + 1, link.size() - begin - 2);
}

// Marks of older versions name no namespace: they mean ours.
bool IsOlderFormOf(const std::string& mark, const std::string& newer) {
  return newer.starts_with(mark) && newer.substr(mark.size()).starts_with(kNamespace);
}

// Whether a mark's owner is in another pid namespace, where we cannot look whether it still runs.
bool OfAnotherNamespace(const std::string& mark, const std::string& proc) {
  const size_t at = mark.find(kNamespace);
  return at != std::string::npos && mark.substr(at + kNamespace.size()) != PidNamespace(proc);
}

// Another nodeproof has removed it in the meantime.
bool Gone(const Error& error) { return error.code == ENOENT || error.code == ENODEV; }

// The pid in a capsule's name, or an error.
Result<pid_t> OwnerOf(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return Fail("not a capsule's name");
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  const int64_t pid = TRY(ParseInt(name));
  if (pid <= 0 || pid > (1 << 22)) return Fail("not a capsule's name");
  return static_cast<pid_t>(pid);
}

}  // namespace

std::string CapsuleName(pid_t owner) { return fmt::format("{}{}{}", kPrefix, owner, kSuffix); }

Result<std::string> OwnerMark(pid_t owner, const std::string& proc) {
  std::string mark = fmt::format("pid={} start={}", owner, TRY(StartTime(owner, proc)));
  if (const std::string pids = PidNamespace(proc); !pids.empty()) {
    mark.append(kNamespace).append(pids);
  }
  return mark;
}

Result<StaleReport> RemoveStale(const cgroup::Cgroup& parent, const std::string& proc) {
  StaleReport report;
  for (const std::string& name : TRY(parent.Children())) {
    const auto owner = OwnerOf(name);
    if (!owner) continue;
    const auto opened = parent.OpenChild(name);
    if (!opened && Gone(opened.error())) continue;
    if (!opened) return std::unexpected(opened.error());
    const cgroup::Cgroup& group = *opened;
    const auto mark = group.Marking();
    if (!mark) {
      report.foreign.push_back(group.path());
      continue;
    }
    const auto living = OwnerMark(*owner, proc);
    const bool runs = living && (*living == *mark || IsOlderFormOf(*mark, *living));
    if (runs || OfAnotherNamespace(*mark, proc)) {
      report.in_use.push_back(group.path());
      continue;
    }
    const Status destroyed = group.Destroy();
    const auto left = parent.OpenChild(name);
    const bool gone = !left && left.error().code == ENOENT;  // by us or by another run
    if (!gone) TRY(destroyed);
    report.removed.push_back(group.path());
  }
  return report;
}

}  // namespace nodeproof::capsule
