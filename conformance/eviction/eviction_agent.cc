#include "conformance/eviction/eviction_agent.h"

#include <algorithm>

#include "harness/base/file.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::conformance {

namespace eviction = kubelet::eviction;

namespace {

// Processes in a group and below, as cAdvisor counts them for a pod: not their threads.
Result<int64_t> ProcessesBelow(const cgroup::Cgroup& group) {
  const std::string listed = TRY(group.Read("cgroup.procs"));
  auto count = static_cast<int64_t>(Words(listed).size());
  for (const std::string& name : TRY(group.Children())) {
    count += TRY(ProcessesBelow(TRY(group.OpenChild(name))));
  }
  return count;
}

}  // namespace

Result<EvictionAgent> EvictionAgent::Create(ArmContext& context, const capsule::Tree& tree,
                                            const kubelet::KubeletConfiguration& config,
                                            std::vector<kubelet::Pod> pods,
                                            const NodeStandIn& node) {
  eviction::LoopConfig loop = TRY(eviction::LoopConfigFor(config, {}));
  return EvictionAgent(context, tree, std::move(loop), std::move(pods), node);
}

Result<eviction::NodeReading> EvictionAgent::ReadNode() const {
  const cgroup::Cgroup& root = context_->environment().capsule->group();
  const cgroup::Cgroup& slice = *TRY(tree_->NodeSlice());
  const cgroup::KeyedCounters root_stat = TRY(cgroup::ReadKeyed(root, "memory.stat"));
  const cgroup::KeyedCounters slice_stat = TRY(cgroup::ReadKeyed(slice, "memory.stat"));
  const Nanoseconds now = context_->clock().Now();
  eviction::NodeReading reading;
  reading.root = {.usage_bytes = eviction::RootUsage(root_stat.Get("anon"), root_stat.Get("file")),
                  .inactive_file_bytes = root_stat.Get("inactive_file"),
                  .limit_bytes = node_.memory.value,
                  .time = now};
  // "max" reads as more than any threshold: the signal is then never short.
  reading.kubepods = {.usage_bytes = TRY(cgroup::ReadNumber(slice, "memory.current")),
                      .inactive_file_bytes = slice_stat.Get("inactive_file"),
                      .limit_bytes = TRY(cgroup::ReadNumber(slice, "memory.max")),
                      .time = now};
  if (node_.pids) {
    reading.pids = {.pid_max = *node_.pids,
                    .threads_max = *node_.pids,
                    .tasks = TRY(cgroup::ReadNumber(root, "pids.current")),
                    .time = now};
  }
  if (node_.files != nullptr) {
    reading.nodefs = TRY(node_.files->ReadDisk());
    reading.nodefs->time = now;
  }
  return reading;
}

Result<int64_t> EvictionAgent::SignalValue(eviction::Signal signal) const {
  const eviction::SignalObservations signals = eviction::Observe(TRY(ReadNode()));
  const auto found = signals.find(signal);
  if (found == signals.end()) return Fail("there is no {}", eviction::ToString(signal));
  return found->second.available;
}

Result<Bytes> EvictionAgent::Available() const {
  return Bytes{TRY(SignalValue(eviction::Signal::kMemoryAvailable))};
}

Result<int64_t> EvictionAgent::PidsAvailable() const {
  return SignalValue(eviction::Signal::kPidAvailable);
}

Result<Bytes> EvictionAgent::WorkingSetOf(const std::string& uid) const {
  const cgroup::Cgroup& pod = *TRY(tree_->Pod(uid));
  return Bytes{
      eviction::WorkingSet(TRY(cgroup::ReadNumber(pod, "memory.current")),
                           TRY(cgroup::ReadKeyed(pod, "memory.stat")).Get("inactive_file"))};
}

Result<eviction::PodStats> EvictionAgent::ReadPod(const std::string& uid) const {
  eviction::PodStats stats;
  stats.working_set_bytes = TRY(WorkingSetOf(uid)).value;
  stats.processes = TRY(ProcessesBelow(*TRY(tree_->Pod(uid))));
  if (node_.files != nullptr) {
    stats.volumes.push_back({.name = kPodVolume, .used = TRY(node_.files->UsageOf(uid))});
  }
  return stats;
}

Result<eviction::Decision> EvictionAgent::Pass() {
  eviction::LoopInput input{.now = context_->clock().Now(),
                            .signals = eviction::Observe(TRY(ReadNode()))};
  for (const kubelet::Pod& pod : pods_) {
    input.pods.push_back({.pod = pod, .stats = TRY(ReadPod(pod.uid))});
  }
  eviction::StepResult result = eviction::Step(config_, state_, input);
  state_ = std::move(result.state);
  if (result.decision.kind == eviction::Decision::Kind::kReclaim) {
    result.decision =
        eviction::AfterReclaim(config_, result.decision, input, eviction::Observe(TRY(ReadNode())));
  }
  for (const eviction::PodEviction& one : result.decision.evictions) TRY(Evict(one.uid));
  return std::move(result.decision);
}

Status EvictionAgent::Evict(const std::string& uid) {
  const cgroup::Cgroup& group = *TRY(tree_->Pod(uid));
  TRY(group.Write("cgroup.kill", "1"));
  const Clock& clock = context_->clock();
  const Nanoseconds deadline =
      clock.Now() + std::chrono::duration_cast<Nanoseconds>(context_->patience());
  while (TRY(group.Populated())) {
    if (clock.Now() > deadline) return Fail("evicted pod {} does not end", uid);
    clock.WaitUntil(clock.Now() + Milliseconds(5));
  }
  if (node_.files != nullptr) node_.files->Remove(uid);
  evicted_.push_back(uid);
  std::erase_if(pods_, [&](const kubelet::Pod& pod) { return pod.uid == uid; });
  return {};
}

}  // namespace nodeproof::conformance
