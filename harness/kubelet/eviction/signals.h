// What the kubelet's eviction loop looks at: nine signals, each "how much is left of what", and how
// they follow from raw statistics (cgroup files, statfs, /proc). Arithmetic only; reading is the
// caller's.
//
// Source: pkg/kubelet/eviction/{helpers,api/types}.go, Kubernetes 1.36.2; cAdvisor for working
// sets.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "harness/base/units.h"

namespace nodeproof::kubelet::eviction {

enum class Signal {
  kMemoryAvailable,
  kAllocatableMemoryAvailable,  // internal: the room left below the limit of kubepods
  kNodeFsAvailable,
  kNodeFsInodesFree,
  kImageFsAvailable,
  kImageFsInodesFree,
  kContainerFsAvailable,
  kContainerFsInodesFree,
  kPidAvailable,
};
inline constexpr std::array kAllSignals = {
    Signal::kMemoryAvailable,      Signal::kAllocatableMemoryAvailable, Signal::kNodeFsAvailable,
    Signal::kNodeFsInodesFree,     Signal::kImageFsAvailable,           Signal::kImageFsInodesFree,
    Signal::kContainerFsAvailable, Signal::kContainerFsInodesFree,      Signal::kPidAvailable};

enum class NodeCondition { kMemoryPressure, kDiskPressure, kPidPressure };

// "memory.available", "nodefs.inodesFree", …: the names used in evictionHard and its siblings.
std::string_view ToString(Signal signal);
// The signal of that name, or nullopt: the kubelet refuses every other name.
std::optional<Signal> SignalNamed(std::string_view name);
// "MemoryPressure", "DiskPressure", "PIDPressure".
std::string_view ToString(NodeCondition condition);
// The node condition that a met threshold on `signal` raises.
NodeCondition ConditionOf(Signal signal);
// The resource that evicting frees: "memory", "ephemeral-storage", "inodes" or "pids".
std::string_view ResourceOf(Signal signal);
bool IsMemorySignal(Signal signal);

// One reading of a signal, in bytes, inodes or process ids. `available` may be negative (working
// set above the limit).
struct SignalObservation {
  int64_t available = 0;
  int64_t capacity = 0;                  // what percentages are taken of
  std::optional<Nanoseconds> time = {};  // when it was read; nullopt counts as always fresh
  bool operator==(const SignalObservation&) const = default;
};
using SignalObservations = std::map<Signal, SignalObservation>;

// usage - inactive_file, not below 0. For cgroup v2 that is memory.current less inactive_file of
// the same group's memory.stat.
int64_t WorkingSet(int64_t usage_bytes, int64_t inactive_file_bytes);
// The usage of the root cgroup, which has no memory.current: anon + file of its memory.stat, so
// slab and kernel memory are not in it.
int64_t RootUsage(int64_t anon_bytes, int64_t file_bytes);

struct MemoryReading {
  int64_t usage_bytes = 0;
  int64_t inactive_file_bytes = 0;
  // Root: the machine's memory. kubepods: its memory.max, nullopt for "max".
  std::optional<int64_t> limit_bytes = {};
  std::optional<Nanoseconds> time = {};
};
struct FsReading {
  std::optional<int64_t> available_bytes = {};
  std::optional<int64_t> capacity_bytes = {};
  std::optional<int64_t> inodes_free = {};
  std::optional<int64_t> inodes = {};
  std::optional<Nanoseconds> time = {};
};
struct PidReading {
  int64_t pid_max = 0;      // kernel.pid_max
  int64_t threads_max = 0;  // kernel.threads-max
  int64_t tasks = 0;        // threads: what follows the slash in the fourth field of /proc/loadavg
  std::optional<Nanoseconds> time = {};
};
struct NodeReading {
  std::optional<MemoryReading> root = {};
  std::optional<MemoryReading> kubepods = {};
  std::optional<FsReading> nodefs = {};
  std::optional<FsReading> imagefs = {};
  std::optional<FsReading> containerfs = {};
  std::optional<PidReading> pids = {};
};

// The signals that follow from a reading (makeSignalObservations). What was not read, or has no
// limit, gives no observation; a threshold on it then is never met.
SignalObservations Observe(const NodeReading& reading);

}  // namespace nodeproof::kubelet::eviction
