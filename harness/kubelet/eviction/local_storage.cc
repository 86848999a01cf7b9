#include "harness/kubelet/eviction/local_storage.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/kubelet/eviction/requests.h"

namespace nodeproof::kubelet::eviction {
namespace {

std::optional<std::string> EmptyDirViolation(const Pod& pod, const PodStats& stats) {
  for (const Volume& volume : pod.volumes) {
    if (volume.kind != VolumeKind::kEmptyDir || !volume.size_limit) continue;
    if (!volume.size_limit->IsPositive()) continue;
    // Of several stats under one name the last counts, as in the map that upstream builds.
    const auto found =
        std::find_if(stats.volumes.rbegin(), stats.volumes.rend(),
                     [&](const VolumeStats& each) { return each.name == volume.name; });
    if (found == stats.volumes.rend() || !found->used.bytes) continue;
    const Quantity used = Quantity::FromBytes(*found->used.bytes);
    if (used > *volume.size_limit) {
      return fmt::format("emptyDir {} holds {}, over its sizeLimit {}", volume.name,
                         used.ToString(), volume.size_limit->ToString());
    }
  }
  return std::nullopt;
}

std::optional<std::string> PodViolation(const Pod& pod, const PodStats& stats,
                                        const FeatureGates& gates) {
  const std::optional<Quantity> limit = EphemeralStorageLimit(pod, gates);
  if (!limit) return std::nullopt;
  const Quantity used = Quantity::FromBytes(stats.ephemeral_storage_bytes.value_or(0));
  if (used <= *limit) return std::nullopt;
  return fmt::format("the pod uses {} of ephemeral storage, over its limit {}", used.ToString(),
                     limit->ToString());
}

std::optional<std::string> ContainerViolation(const Pod& pod, const PodStats& stats,
                                              FsLayout layout) {
  for (const ContainerStats& each : stats.containers) {
    const auto container = std::ranges::find(pod.containers, each.name, &Container::name);
    if (container == pod.containers.end()) continue;
    const std::optional<Quantity> limit = Find(container->limits(), kEphemeralStorage);
    if (!limit || limit->IsZero()) continue;
    Quantity used = Quantity::FromBytes(each.logs.bytes.value_or(0));
    if (!layout.dedicated_image_fs) used += Quantity::FromBytes(each.rootfs.bytes.value_or(0));
    if (used > *limit) {
      return fmt::format("container {} uses {} of ephemeral storage, over its limit {}", each.name,
                         used.ToString(), limit->ToString());
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> LocalStorageViolation(const ActivePod& pod, FsLayout layout,
                                                 const FeatureGates& gates) {
  if (!pod.stats) return std::nullopt;
  if (auto why = EmptyDirViolation(pod.pod, *pod.stats)) return why;
  if (auto why = PodViolation(pod.pod, *pod.stats, gates)) return why;
  return ContainerViolation(pod.pod, *pod.stats, layout);
}

}  // namespace nodeproof::kubelet::eviction
