#include "conformance/memory/recursive_protection.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "conformance/claim.h"
#include "harness/base/mounts.h"

namespace nodeproof::conformance {
namespace {

constexpr std::string_view kOption = "memory_recursiveprot";
// The options of the file system itself (kernel/cgroup/cgroup.c, cgroup2_fs_parameters); the others
// that mountinfo names, such as "rw", are flags of every file system.
constexpr std::array kOwnOptions = {kOption,
                                    std::string_view("nsdelegate"),
                                    std::string_view("favordynmods"),
                                    std::string_view("memory_localevents"),
                                    std::string_view("memory_hugetlb_accounting"),
                                    std::string_view("pids_localevents")};

Result<std::vector<std::string>> OptionsOf(const std::string& mount_point) {
  for (const Mount& mount : TRY(ReadMounts())) {
    if (mount.point != mount_point || mount.type != "cgroup2") continue;
    std::vector<std::string> options;
    for (const std::string& option : mount.super_options) {
      if (std::ranges::find(kOwnOptions, option) != kOwnOptions.end()) options.push_back(option);
    }
    return options;
  }
  return Fail("no cgroup2 is mounted on {}", mount_point);
}

Status Remount(const std::string& mount_point, const std::string& options) {
  if (::mount("cgroup2", mount_point.c_str(), "cgroup2", MS_REMOUNT, options.c_str()) == 0) {
    return {};
  }
  return Unsupported("remount {} with {}: {}", mount_point, options,
                     FailErrno(errno, "mount(2)").error().message);
}

}  // namespace

Result<std::unique_ptr<RecursiveProtection>> RecursiveProtection::Set(
    const std::string& mount_point, bool on) {
  std::vector<std::string> options = TRY(OptionsOf(mount_point));
  auto held = std::unique_ptr<RecursiveProtection>(
      new RecursiveProtection(mount_point, fmt::format("{}", fmt::join(options, ","))));
  std::erase(options, kOption);
  if (on) options.emplace_back(kOption);
  TRY(Remount(mount_point, fmt::format("{}", fmt::join(options, ","))));
  const auto now = TRY(OptionsOf(mount_point));
  if ((std::ranges::find(now, kOption) != now.end()) != on) {
    return Unsupported("a remount of {} does not turn {} {}", mount_point, kOption,
                       on ? "on" : "off");
  }
  return held;
}

RecursiveProtection::~RecursiveProtection() { (void)Remount(mount_point_, before_); }

}  // namespace nodeproof::conformance
