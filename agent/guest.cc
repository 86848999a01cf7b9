#include "agent/guest.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::agent {
namespace {

struct MountPoint {
  const char* type;
  const char* target;
  const char* options;
};

constexpr MountPoint kMounts[] = {
    {"proc", "/proc", ""},
    {"sysfs", "/sys", ""},
    {"devtmpfs", "/dev", ""},
    {"tmpfs", "/tmp", ""},
    {"cgroup2", "/sys/fs/cgroup", "nsdelegate,memory_recursiveprot"},
};

Status Mount(const MountPoint& mount) {
  ::mkdir(mount.target, 0755);  // there already, or the mount says what is wrong
  if (::mount(mount.type, mount.target, mount.type, 0, mount.options) != 0 && errno != EBUSY) {
    return FailErrno(errno, fmt::format("mount {} on {}", mount.type, mount.target));
  }
  return {};
}

// A raw line: no echo, and '\n' stays '\n'.
Status MakeRaw(int fd) {
  termios line{};
  if (::tcgetattr(fd, &line) != 0) return FailErrno(errno, "read the serial line's settings");
  ::cfmakeraw(&line);
  if (::tcsetattr(fd, TCSANOW, &line) != 0) return FailErrno(errno, "set the serial line raw");
  return {};
}

Status LoadModule(const std::string& path) {
  const Fd file = TRY(OpenAt(AT_FDCWD, path, O_RDONLY));
  if (::syscall(SYS_finit_module, file.get(), "", 0) != 0 && errno != EEXIST) {
    auto failed = FailErrno(errno, fmt::format("load module {}", path));
    failed.error().hint = "was it built for this kernel? its vermagic must match `uname -r`";
    return failed;
  }
  return {};
}

// The block device whose controller has the scratch disk's serial number.
std::optional<std::string> FindScratch() {
  const auto names = ListDirectory(AT_FDCWD, "/sys/block");
  if (!names) return std::nullopt;
  for (const std::string& name : *names) {
    const auto serial = ReadFile(fmt::format("/sys/block/{}/device/serial", name));
    if (serial && Trim(*serial) == node::kScratchSerial) return "/dev/" + name;
  }
  return std::nullopt;
}

// Built in, or loaded by LoadModules: no other way that it could still come.
Status CheckDriver() {
  if (::access("/sys/bus/pci/drivers/nvme", F_OK) == 0) return {};
  return std::unexpected(Error{"the kernel has no NVMe driver",
                               "boot one that has it built in, or add --module nvme", 0});
}

Status MountExt4(const std::string& device, const char* target) {
  ::mkdir(target, 0755);
  if (::mount(device.c_str(), target, "ext4", MS_NOATIME, "") == 0) return {};
  if (errno == ENODEV) {
    return std::unexpected(Error{"the kernel has no ext4",
                                 "boot one that has it built in, or add --module ext4", ENODEV});
  }
  return FailErrno(errno, fmt::format("mount {} on {}", device, target));
}

}  // namespace

Result<Fd> SetUpGuest() {
  for (const MountPoint& mount : kMounts) TRY(Mount(mount));
  Fd channel = TRY(OpenAt(AT_FDCWD, node::kGuestEventsPath, O_RDWR | O_NOCTTY));
  TRY(MakeRaw(channel.get()));
  return channel;
}

Status LoadModules() {
  const auto list = ReadFile(node::kGuestModulesPath);
  if (!list) return {};  // none asked for
  for (const std::string_view path : Split(*list, '\n')) {
    if (!Trim(path).empty()) TRY(LoadModule(std::string(Trim(path))));
  }
  return {};
}

Result<std::filesystem::path> MountScratch() {
  constexpr const char* kTarget = "/scratch";
  TRY(CheckDriver());
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::seconds(20);
  std::optional<std::string> device;
  while (!(device = FindScratch())) {
    if (clock.Now() > deadline) {
      return Fail("no NVMe disk with the serial number '{}' appeared", node::kScratchSerial);
    }
    clock.WaitUntil(clock.Now() + Milliseconds(10));
  }
  TRY(MountExt4(*device, kTarget));
  return kTarget;
}

void PowerOff() {
  ::sync();
  ::reboot(RB_POWER_OFF);
  for (;;) ::pause();
}

}  // namespace nodeproof::agent
