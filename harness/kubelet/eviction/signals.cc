#include "harness/kubelet/eviction/signals.h"

#include <algorithm>

namespace nodeproof::kubelet::eviction {
namespace {

// cAdvisor takes a memory limit above this for "no limit".
constexpr int64_t kUnlimitedAbove = int64_t{1} << 62;

void ObserveMemory(const std::optional<MemoryReading>& reading, Signal signal,
                   SignalObservations& observations) {
  if (!reading || !reading->limit_bytes || *reading->limit_bytes > kUnlimitedAbove) return;
  const int64_t working_set = WorkingSet(reading->usage_bytes, reading->inactive_file_bytes);
  observations[signal] = {.available = *reading->limit_bytes - working_set,
                          .capacity = *reading->limit_bytes,
                          .time = reading->time};
}

void ObserveFs(const std::optional<FsReading>& reading, Signal bytes, Signal inodes,
               SignalObservations& observations) {
  if (!reading) return;
  if (reading->available_bytes && reading->capacity_bytes) {
    observations[bytes] = {*reading->available_bytes, *reading->capacity_bytes, reading->time};
  }
  if (reading->inodes_free && reading->inodes) {
    observations[inodes] = {*reading->inodes_free, *reading->inodes, reading->time};
  }
}

}  // namespace

std::string_view ToString(Signal signal) {
  switch (signal) {
    case Signal::kMemoryAvailable:
      return "memory.available";
    case Signal::kAllocatableMemoryAvailable:
      return "allocatableMemory.available";
    case Signal::kNodeFsAvailable:
      return "nodefs.available";
    case Signal::kNodeFsInodesFree:
      return "nodefs.inodesFree";
    case Signal::kImageFsAvailable:
      return "imagefs.available";
    case Signal::kImageFsInodesFree:
      return "imagefs.inodesFree";
    case Signal::kContainerFsAvailable:
      return "containerfs.available";
    case Signal::kContainerFsInodesFree:
      return "containerfs.inodesFree";
    case Signal::kPidAvailable:
      return "pid.available";
  }
  return "";
}

std::optional<Signal> SignalNamed(std::string_view name) {
  const auto found =
      std::ranges::find_if(kAllSignals, [&](Signal signal) { return ToString(signal) == name; });
  if (found == kAllSignals.end()) return std::nullopt;
  return *found;
}

std::string_view ToString(NodeCondition condition) {
  switch (condition) {
    case NodeCondition::kMemoryPressure:
      return "MemoryPressure";
    case NodeCondition::kDiskPressure:
      return "DiskPressure";
    case NodeCondition::kPidPressure:
      return "PIDPressure";
  }
  return "";
}

NodeCondition ConditionOf(Signal signal) {
  if (IsMemorySignal(signal)) return NodeCondition::kMemoryPressure;
  if (signal == Signal::kPidAvailable) return NodeCondition::kPidPressure;
  return NodeCondition::kDiskPressure;
}

std::string_view ResourceOf(Signal signal) {
  switch (signal) {
    case Signal::kMemoryAvailable:
    case Signal::kAllocatableMemoryAvailable:
      return "memory";
    case Signal::kNodeFsAvailable:
    case Signal::kImageFsAvailable:
    case Signal::kContainerFsAvailable:
      return "ephemeral-storage";
    case Signal::kNodeFsInodesFree:
    case Signal::kImageFsInodesFree:
    case Signal::kContainerFsInodesFree:
      return "inodes";
    case Signal::kPidAvailable:
      return "pids";
  }
  return "";
}

bool IsMemorySignal(Signal signal) {
  return signal == Signal::kMemoryAvailable || signal == Signal::kAllocatableMemoryAvailable;
}

int64_t WorkingSet(int64_t usage_bytes, int64_t inactive_file_bytes) {
  return std::max<int64_t>(0, usage_bytes - inactive_file_bytes);
}

int64_t RootUsage(int64_t anon_bytes, int64_t file_bytes) { return anon_bytes + file_bytes; }

SignalObservations Observe(const NodeReading& reading) {
  SignalObservations observations;
  ObserveMemory(reading.root, Signal::kMemoryAvailable, observations);
  ObserveMemory(reading.kubepods, Signal::kAllocatableMemoryAvailable, observations);
  ObserveFs(reading.nodefs, Signal::kNodeFsAvailable, Signal::kNodeFsInodesFree, observations);
  ObserveFs(reading.imagefs, Signal::kImageFsAvailable, Signal::kImageFsInodesFree, observations);
  ObserveFs(reading.containerfs, Signal::kContainerFsAvailable, Signal::kContainerFsInodesFree,
            observations);
  if (reading.pids) {
    const int64_t most = std::min(reading.pids->pid_max, reading.pids->threads_max);
    observations[Signal::kPidAvailable] = {
        .available = most - reading.pids->tasks, .capacity = most, .time = reading.pids->time};
  }
  return observations;
}

}  // namespace nodeproof::kubelet::eviction
