// What pods hold on a disk, as their emptyDirs would: files without a name, so that nothing of them
// can be left behind. They are counted as the kubelet counts the files of a volume, by allocated
// blocks and by inodes.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "harness/kubelet/eviction/ranking.h"
#include "harness/kubelet/eviction/signals.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {

// The name of the emptyDir that each of these pods has.
inline constexpr const char* kPodVolume = "data";

class PodFiles {
 public:
  explicit PodFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Makes `count` empty files for a pod.
  Status Make(const std::string& uid, int64_t count);
  // Lets a process in `group` write a new file of `amount` for a pod, down to the disk. It stays.
  Result<stress::FileFlood> Write(const ArmContext& context, const std::string& uid,
                                  const cgroup::Cgroup& group, Bytes amount);
  // What the pod's files take: 512-byte blocks and inodes, by fstat(2).
  Result<kubelet::eviction::FsUsage> UsageOf(const std::string& uid) const;
  // The file system that they are on, by statvfs(3).
  Result<kubelet::eviction::FsReading> ReadDisk() const;
  // As when an evicted pod's volumes are cleaned up.
  void Remove(const std::string& uid) { files_.erase(uid); }

 private:
  Result<Fd> New(const std::string& uid) const;

  std::filesystem::path directory_;
  std::map<std::string, std::vector<Fd>> files_;
};

}  // namespace nodeproof::conformance
