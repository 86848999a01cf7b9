#include "conformance/eviction/pod_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/file.h"

namespace nodeproof::conformance {

namespace eviction = kubelet::eviction;

Result<Fd> PodFiles::New(const std::string& uid) const {
  auto file = OpenAt(AT_FDCWD, directory_.string(), O_RDWR | O_TMPFILE, 0600);
  if (!file) file.error().message = fmt::format("a file of pod {}: {}", uid, file.error().message);
  return file;
}

Status PodFiles::Make(const std::string& uid, int64_t count) {
  for (int64_t i = 0; i < count; ++i) files_[uid].push_back(TRY(New(uid)));
  return {};
}

Result<stress::FileFlood> PodFiles::Write(const ArmContext& context, const std::string& uid,
                                          const cgroup::Cgroup& group, Bytes amount) {
  const Fd& file = files_[uid].emplace_back(TRY(New(uid)));
  if (::ftruncate(file.get(), amount.value) != 0) return FailErrno(errno, "size a pod's file");
  stress::FileFlood writer =
      TRY(stress::FileFlood::Start({.name = uid,
                                    .group = &group,
                                    .kind = stress::FileFloodOptions::Kind::kWrite,
                                    .file = fmt::format("/proc/self/fd/{}", file.get()),
                                    .amount = amount,
                                    .sync = true}));
  TRY(writer.AwaitDone(context.patience()));
  return writer;
}

Result<eviction::FsUsage> PodFiles::UsageOf(const std::string& uid) const {
  eviction::FsUsage usage{.bytes = 0, .inodes = 0};
  const auto held = files_.find(uid);
  if (held == files_.end()) return usage;
  for (const Fd& file : held->second) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return FailErrno(errno, "fstat a file of pod " + uid);
    *usage.bytes += int64_t{status.st_blocks} * 512;
    ++*usage.inodes;
  }
  return usage;
}

Result<eviction::FsReading> PodFiles::ReadDisk() const {
  struct statvfs disk {};
  if (::statvfs(directory_.c_str(), &disk) != 0) {
    return FailErrno(errno, "statvfs " + directory_.string());
  }
  const auto bytes = [&](fsblkcnt_t blocks) {
    return static_cast<int64_t>(blocks * disk.f_frsize);
  };
  return eviction::FsReading{.available_bytes = bytes(disk.f_bavail),
                             .capacity_bytes = bytes(disk.f_blocks),
                             .inodes_free = static_cast<int64_t>(disk.f_ffree),
                             .inodes = static_cast<int64_t>(disk.f_files)};
}

}  // namespace nodeproof::conformance
