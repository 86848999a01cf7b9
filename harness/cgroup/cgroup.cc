#include "harness/cgroup/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "harness/base/file.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::cgroup {
namespace {

constexpr std::array kMarkNames = {"user.nodeproof", "trusted.nodeproof"};

Status CheckComponent(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    return Fail("'{}' is not a name for a cgroup", name);
  }
  return {};
}

}  // namespace

Result<Cgroup> Cgroup::Open(const std::string& path) {
  Fd fd = TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  return Cgroup(std::move(fd), path);
}

std::string Cgroup::Name() const { return path_.substr(path_.rfind('/') + 1); }

Result<Cgroup> Cgroup::CreateChild(const std::string& name) const {
  TRY(CheckComponent(name));
  if (::mkdirat(fd(), name.c_str(), 0755) != 0) {
    return FailErrno(errno, fmt::format("create cgroup {}/{}", path_, name));
  }
  return OpenChild(name);
}

Result<Cgroup> Cgroup::OpenChild(const std::string& name) const {
  TRY(CheckComponent(name));
  const int child = ::openat(fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (child < 0) return FailErrno(errno, fmt::format("open cgroup {}/{}", path_, name));
  return Cgroup(Fd(child), path_ + "/" + name);
}

Result<std::vector<std::string>> Cgroup::Children() const {
  std::vector<std::string> names = TRY(ListDirectory(fd(), "."));
  std::erase_if(names, [this](const std::string& name) {
    struct stat status {};
    return ::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
           !S_ISDIR(status.st_mode);
  });
  return names;
}

bool Cgroup::Has(const std::string& file) const {
  return ::faccessat(fd(), file.c_str(), F_OK, 0) == 0;
}

Result<std::string> Cgroup::Read(const std::string& file) const {
  auto text = ReadFileAt(fd(), file);
  if (!text) text.error().message += fmt::format(" (cgroup {})", path_);
  return text;
}

Status Cgroup::Write(const std::string& file, std::string_view value) const {
  auto written = WriteFileAt(fd(), file, value);
  if (!written) written.error().message += fmt::format(" (cgroup {})", path_);
  return written;
}

Result<std::vector<std::string>> Cgroup::Controllers() const {
  const std::string text = TRY(Read("cgroup.controllers"));
  std::vector<std::string> names;
  for (const std::string_view word : Words(text)) names.emplace_back(word);
  return names;
}

Status Cgroup::EnableControllers(const std::vector<std::string>& controllers) const {
  for (const std::string& controller : controllers) {
    TRY(Write("cgroup.subtree_control", "+" + controller));
  }
  return {};
}

Result<bool> Cgroup::Populated() const {
  const std::string text = TRY(Read("cgroup.events"));
  const KeyedCounters events = TRY(ParseKeyedCounters(text));
  return events.Get("populated") != 0;
}

// cgroup.events is pollable: POLLPRI when its content changes.
Status Cgroup::WaitUntilEmpty(Seconds timeout) const {
  const Fd events = TRY(OpenAt(fd(), "cgroup.events", O_RDONLY));
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  for (;;) {
    const KeyedCounters now = TRY(ParseKeyedCounters(TRY(ReadAll(events.get(), "cgroup.events"))));
    if (now.Get("populated") == 0) return {};
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - clock.Now());
    if (left.count() <= 0) {
      return std::unexpected(Error{fmt::format("cgroup {} is still populated {} after cgroup.kill",
                                               path_, FormatDuration(timeout)),
                                   "", ETIMEDOUT});
    }
    pollfd poll_fd{events.get(), POLLPRI, 0};
    ::poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left.count(), 1000)));
  }
}

Status Cgroup::Destroy(Seconds timeout) const {
  if (TRY(Populated())) {
    TRY(Write("cgroup.kill", "1"));
    TRY(WaitUntilEmpty(timeout));
  }
  // Depth first, without recursion: children go before their parents.
  struct Visit {
    Cgroup group;
    bool children_done;
  };
  std::vector<Visit> stack;
  for (const std::string& child : TRY(Children())) stack.push_back({TRY(OpenChild(child)), false});
  while (!stack.empty()) {
    if (!stack.back().children_done) {
      stack.back().children_done = true;
      std::vector<Visit> deeper;
      for (const std::string& child : TRY(stack.back().group.Children())) {
        deeper.push_back({TRY(stack.back().group.OpenChild(child)), false});
      }
      std::move(deeper.begin(), deeper.end(), std::back_inserter(stack));
      continue;
    }
    const std::string path = stack.back().group.path();
    stack.pop_back();
    const std::string relative = path.substr(path_.size() + 1);
    if (::unlinkat(fd(), relative.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return FailErrno(errno, fmt::format("remove cgroup {}", path));
    }
  }
  // The group itself: by its path, and only if that still names the directory we hold.
  struct stat held {};
  struct stat named {};
  if (::fstat(fd(), &held) != 0 || ::stat(path_.c_str(), &named) != 0 ||
      held.st_ino != named.st_ino || held.st_dev != named.st_dev) {
    return {};  // gone, or replaced by somebody else's
  }
  if (::rmdir(path_.c_str()) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove cgroup {}", path_));
  }
  return {};
}

Status Cgroup::Mark(std::string_view value) const {
  int code = 0;
  for (const char* name : kMarkNames) {
    if (::fsetxattr(fd(), name, value.data(), value.size(), 0) == 0) return {};
    code = errno;
  }
  return FailErrno(code, fmt::format("mark cgroup {} with an extended attribute", path_));
}

Result<std::string> Cgroup::Marking() const {
  std::array<char, 256> value{};
  for (const char* name : kMarkNames) {
    const ssize_t size = ::fgetxattr(fd(), name, value.data(), value.size());
    if (size >= 0) return std::string(value.data(), static_cast<size_t>(size));
  }
  return FailErrno(errno, fmt::format("cgroup {} carries no nodeproof mark", path_));
}

}  // namespace nodeproof::cgroup
