// Whom the kubelet evicts first: the comparisons of its ranking functions, and which of them apply
// to which signal. A pod's QoS class is never consulted.
//
// Source: pkg/kubelet/eviction/helpers.go, Kubernetes 1.36.2 (orderedBy and the rank functions).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/api/quantity.h"
#include "harness/kubelet/eviction/signals.h"
#include "harness/kubelet/eviction/thresholds.h"

namespace nodeproof::kubelet::eviction {

// What of a file system is in use; what is not known counts as 0.
struct FsUsage {
  std::optional<int64_t> bytes = {};
  std::optional<int64_t> inodes = {};
  bool operator==(const FsUsage&) const = default;
};
struct ContainerStats {
  std::string name = {};
  FsUsage rootfs = {};  // the writable layer
  FsUsage logs = {};
  bool operator==(const ContainerStats&) const = default;
};
struct VolumeStats {
  std::string name = {};
  FsUsage used = {};
  bool operator==(const VolumeStats&) const = default;
};
struct PodStats {
  std::optional<int64_t> working_set_bytes = {};
  // Upstream subtracts counts as uint64, which goes wrong from 2^63 on: beyond this type.
  std::optional<int64_t> processes = {};
  std::vector<ContainerStats> containers = {};
  std::vector<VolumeStats> volumes = {};
  // Containers, logs, emptyDirs and /etc/hosts together: what the pod's ephemeral-storage limit is
  // compared with.
  std::optional<int64_t> ephemeral_storage_bytes = {};
  bool operator==(const PodStats&) const = default;
};

// A pod that has something running.
struct ActivePod {
  Pod pod = {};
  std::optional<PodStats> stats = {};  // nullopt: the summary has none for it
};

// The kinds of file system use that a disk ranking adds up, as a set.
class FsUses {
 public:
  enum Kind : uint8_t { kImages = 1, kRootfs = 2, kLogs = 4, kLocalVolumes = 8 };
  constexpr FsUses() = default;
  constexpr FsUses(std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) Add(kind);
  }
  constexpr void Add(Kind kind) { kinds_ = static_cast<uint8_t>(kinds_ | kind); }
  constexpr bool Has(Kind kind) const { return (kinds_ & kind) != 0; }
  bool operator==(const FsUses&) const = default;

 private:
  uint8_t kinds_ = 0;
};

enum class DiskResource { kBytes, kInodes };

// One comparison of a ranking.
struct Criterion {
  enum class Kind {
    kPriority,              // lower first
    kExceedsMemoryRequest,  // working set above the request first
    kMemory,                // larger working set - request first
    kProcesses,             // more processes first
    kExceedsDiskRequest,    // usage above the request first
    kDisk,                  // larger usage - ephemeral-storage request first, also for inodes
  };
  Kind kind = Kind::kPriority;
  FsUses fs_uses = {};  // disk criteria: what counts as usage
  DiskResource disk_resource = DiskResource::kBytes;
  bool operator==(const Criterion&) const = default;
};

// The comparisons by which pods are ranked under a threshold on `signal`, most important first.
std::vector<Criterion> CriteriaFor(Signal signal, FsLayout layout);

// -1: `a` is evicted before `b`; 1: after; 0: this criterion does not tell them apart. A pod
// without stats comes before one with stats wherever stats are compared.
int Compare(const Criterion& criterion, const ActivePod& a, const ActivePod& b,
            const FeatureGates& gates = {});

// Indices into `pods`, first evicted first. Full ties keep their order; upstream leaves them open.
std::vector<size_t> Rank(std::span<const ActivePod> pods, std::span<const Criterion> criteria,
                         const FeatureGates& gates = {});

// Usage in bytes or inodes of the parts in `uses`.
Quantity DiskUsage(const ActivePod& pod, FsUses uses, DiskResource resource);

// Volumes that use the node's disk: hostPath, emptyDir of the default medium, configMap, gitRepo.
bool IsLocalVolume(const Volume& volume);

}  // namespace nodeproof::kubelet::eviction
