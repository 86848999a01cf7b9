// The mounts that this process sees.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace nodeproof {

// One line of /proc/PID/mountinfo; see proc_pid_mountinfo(5).
struct Mount {
  std::string root;  // the part of the file system that is mounted
  std::string point;
  std::string type;
  std::vector<std::string> super_options;  // the file system's own, such as "memory_recursiveprot"

  bool HasOption(std::string_view option) const;
};

// Lines of another form are left out.
std::vector<Mount> ParseMounts(std::string_view mountinfo);

Result<std::vector<Mount>> ReadMounts(const std::string& path = "/proc/self/mountinfo");

// The first of that type, such as "cgroup2"; nullptr: there is none.
const Mount* FindMount(const std::vector<Mount>& mounts, std::string_view type);

}  // namespace nodeproof
