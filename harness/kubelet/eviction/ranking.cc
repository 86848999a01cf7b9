#include "harness/kubelet/eviction/ranking.h"

#include <algorithm>
#include <numeric>

#include "harness/kubelet/eviction/requests.h"

namespace nodeproof::kubelet::eviction {
namespace {

using Kind = Criterion::Kind;

// A pod's place under one criterion: smaller `rank` is evicted first, and larger `amount` within
// the same rank.
struct Standing {
  enum class Rank : uint8_t { kNoStats, kMeasured };
  Rank rank = Rank::kMeasured;
  Quantity amount;
};

std::string_view RequestName(DiskResource resource) {
  // Pods cannot request inodes, so this request is 0 and any use exceeds it.
  return resource == DiskResource::kBytes ? kEphemeralStorage : std::string_view("inodes");
}

Quantity WorkingSetOf(const PodStats& stats) {
  return Quantity::FromBytes(stats.working_set_bytes.value_or(0));
}

Quantity Flag(bool set) { return Quantity::FromUnits(set ? 1 : 0); }

Standing StandingOf(const Criterion& criterion, const ActivePod& pod, const FeatureGates& gates) {
  if (criterion.kind == Kind::kPriority) {
    return {.amount = Quantity::FromUnits(-int64_t{pod.pod.priority.value_or(0)})};
  }
  if (!pod.stats) return {.rank = Standing::Rank::kNoStats, .amount = {}};
  const auto request = [&](std::string_view resource) {
    return EvictionRequest(pod.pod, resource, gates);
  };
  const auto disk = [&] { return DiskUsage(pod, criterion.fs_uses, criterion.disk_resource); };
  switch (criterion.kind) {
    case Kind::kPriority:
      break;
    case Kind::kExceedsMemoryRequest:
      return {.amount = Flag(WorkingSetOf(*pod.stats) > request(kMemory))};
    case Kind::kMemory:
      return {.amount = WorkingSetOf(*pod.stats) - request(kMemory)};
    case Kind::kProcesses:
      return {.amount = Quantity::FromUnits(pod.stats->processes.value_or(0))};
    case Kind::kExceedsDiskRequest:
      return {.amount = Flag(disk() > request(RequestName(criterion.disk_resource)))};
    // For inodes as well, the bytes requested are what is subtracted.
    case Kind::kDisk:
      return {.amount = disk() - request(kEphemeralStorage)};
  }
  return {};
}

int Compare(const Standing& a, const Standing& b) {
  if (a.rank != b.rank) return a.rank < b.rank ? -1 : 1;
  if (a.amount == b.amount) return 0;
  return a.amount > b.amount ? -1 : 1;
}

std::vector<Criterion> DiskCriteria(FsUses uses, DiskResource resource) {
  return {{Kind::kExceedsDiskRequest, uses, resource},
          {.kind = Kind::kPriority},
          {Kind::kDisk, uses, resource}};
}

// What a disk signal holds pods to account for, given which file systems are one.
FsUses UsesFor(Signal signal, FsLayout layout) {
  constexpr FsUses kOwn = {FsUses::kLogs, FsUses::kLocalVolumes};
  constexpr FsUses kOwnAndRootfs = {FsUses::kLogs, FsUses::kLocalVolumes, FsUses::kRootfs};
  constexpr FsUses kAll = {FsUses::kImages, FsUses::kRootfs, FsUses::kLogs, FsUses::kLocalVolumes};
  if (!layout.dedicated_image_fs) return kAll;
  const bool nodefs = signal == Signal::kNodeFsAvailable || signal == Signal::kNodeFsInodesFree;
  const bool imagefs = signal == Signal::kImageFsAvailable || signal == Signal::kImageFsInodesFree;
  if (layout.split_container_fs) return imagefs ? FsUses{FsUses::kImages} : kOwnAndRootfs;
  return nodefs ? kOwn : FsUses{FsUses::kRootfs, FsUses::kImages};
}

int64_t Used(const FsUsage& usage, DiskResource resource) {
  return (resource == DiskResource::kBytes ? usage.bytes : usage.inodes).value_or(0);
}

}  // namespace

std::vector<Criterion> CriteriaFor(Signal signal, FsLayout layout) {
  const std::string_view resource = ResourceOf(signal);
  if (resource == "memory") {
    return {
        {.kind = Kind::kExceedsMemoryRequest}, {.kind = Kind::kPriority}, {.kind = Kind::kMemory}};
  }
  if (resource == "pids") return {{.kind = Kind::kPriority}, {.kind = Kind::kProcesses}};
  return DiskCriteria(UsesFor(signal, layout),
                      resource == "inodes" ? DiskResource::kInodes : DiskResource::kBytes);
}

int Compare(const Criterion& criterion, const ActivePod& a, const ActivePod& b,
            const FeatureGates& gates) {
  return Compare(StandingOf(criterion, a, gates), StandingOf(criterion, b, gates));
}

std::vector<size_t> Rank(std::span<const ActivePod> pods, std::span<const Criterion> criteria,
                         const FeatureGates& gates) {
  std::vector<std::vector<Standing>> standings(pods.size());
  for (size_t i = 0; i < pods.size(); ++i) {
    for (const Criterion& criterion : criteria) {
      standings[i].push_back(StandingOf(criterion, pods[i], gates));
    }
  }
  std::vector<size_t> order(pods.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    for (size_t k = 0; k < criteria.size(); ++k) {
      const int result = Compare(standings[a][k], standings[b][k]);
      if (result != 0) return result < 0;
    }
    return false;
  });
  return order;
}

Quantity DiskUsage(const ActivePod& pod, FsUses uses, DiskResource resource) {
  Quantity total;
  if (!pod.stats) return total;
  const auto add = [&](const FsUsage& usage) {
    total += Quantity::FromBytes(Used(usage, resource));
  };
  for (const ContainerStats& container : pod.stats->containers) {
    if (uses.Has(FsUses::kRootfs)) add(container.rootfs);
    if (uses.Has(FsUses::kLogs)) add(container.logs);
  }
  if (!uses.Has(FsUses::kLocalVolumes)) return total;
  for (const Volume& volume : pod.pod.volumes) {
    if (!IsLocalVolume(volume)) continue;
    const auto stats = std::ranges::find(pod.stats->volumes, volume.name, &VolumeStats::name);
    if (stats != pod.stats->volumes.end()) add(stats->used);
  }
  return total;
}

bool IsLocalVolume(const Volume& volume) {
  switch (volume.kind) {
    case VolumeKind::kHostPath:
    case VolumeKind::kConfigMap:
    case VolumeKind::kGitRepo:
      return true;
    case VolumeKind::kEmptyDir:
      return volume.medium.empty();
    case VolumeKind::kSecret:
    case VolumeKind::kOther:
      return false;
  }
  return false;
}

}  // namespace nodeproof::kubelet::eviction
