#include "harness/kubelet/api/kubelet_config.h"

#include <algorithm>

namespace nodeproof::kubelet {

std::string_view ToString(CgroupDriver driver) {
  return driver == CgroupDriver::kSystemd ? "systemd" : "cgroupfs";
}

std::string_view ToString(MemoryReservationPolicy policy) {
  return policy == MemoryReservationPolicy::kNone ? "None" : "TieredReservation";
}

std::string_view ToString(SwapBehavior behavior) {
  return behavior == SwapBehavior::kNoSwap ? "NoSwap" : "LimitedSwap";
}

bool KubeletConfiguration::Enforces(std::string_view key) const {
  return std::ranges::find(enforce_node_allocatable, key) != enforce_node_allocatable.end();
}

StringMap KubeletConfiguration::DefaultEvictionHard() {
  return {{"memory.available", "100Mi"},
          {"nodefs.available", "10%"},
          {"nodefs.inodesFree", "5%"},
          {"imagefs.available", "15%"},
          {"imagefs.inodesFree", "5%"}};
}

}  // namespace nodeproof::kubelet
