// Pods for the tests of this room.
#pragma once

#include <string>

#include "harness/kubelet/eviction/ranking.h"

namespace nodeproof::kubelet::eviction {

// One container "c" without resources, empty stats.
inline ActivePod MakePod(const std::string& name, int32_t priority = 0) {
  ActivePod pod;
  pod.pod.name = name;
  pod.pod.uid = "uid-" + name;
  pod.pod.priority = priority;
  pod.pod.containers.resize(1);
  pod.pod.containers[0].name = "c";
  pod.stats.emplace();
  return pod;
}

inline Volume MakeVolume(VolumeKind kind, const std::string& medium = "") {
  Volume volume;
  volume.name = "v";
  volume.kind = kind;
  volume.medium = medium;
  return volume;
}

}  // namespace nodeproof::kubelet::eviction
