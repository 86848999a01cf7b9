#include "conformance/eviction/eviction_agent.h"

#include <algorithm>

#include "harness/cgroup/stats.h"

namespace nodeproof::conformance {

namespace eviction = kubelet::eviction;

Result<EvictionAgent> EvictionAgent::Create(ArmContext& context, const capsule::Tree& tree,
                                            const kubelet::KubeletConfiguration& config,
                                            std::vector<kubelet::Pod> pods, Bytes capacity) {
  eviction::LoopConfig loop = TRY(eviction::LoopConfigFor(config, {}));
  return EvictionAgent(context, tree, std::move(loop), std::move(pods), capacity);
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
                  .limit_bytes = capacity_.value,
                  .time = now};
  // "max" reads as more than any threshold: the signal is then never short.
  reading.kubepods = {.usage_bytes = TRY(cgroup::ReadNumber(slice, "memory.current")),
                      .inactive_file_bytes = slice_stat.Get("inactive_file"),
                      .limit_bytes = TRY(cgroup::ReadNumber(slice, "memory.max")),
                      .time = now};
  return reading;
}

Result<Bytes> EvictionAgent::Available() const {
  const eviction::SignalObservations signals = eviction::Observe(TRY(ReadNode()));
  const auto found = signals.find(eviction::Signal::kMemoryAvailable);
  if (found == signals.end()) return Fail("there is no memory.available");
  return Bytes{found->second.available};
}

Result<Bytes> EvictionAgent::WorkingSetOf(const std::string& uid) const {
  const cgroup::Cgroup& pod = *TRY(tree_->Pod(uid));
  return Bytes{
      eviction::WorkingSet(TRY(cgroup::ReadNumber(pod, "memory.current")),
                           TRY(cgroup::ReadKeyed(pod, "memory.stat")).Get("inactive_file"))};
}

Result<eviction::Decision> EvictionAgent::Pass() {
  eviction::LoopInput input{.now = context_->clock().Now(),
                            .signals = eviction::Observe(TRY(ReadNode()))};
  for (const kubelet::Pod& pod : pods_) {
    eviction::PodStats stats;
    stats.working_set_bytes = TRY(WorkingSetOf(pod.uid)).value;
    input.pods.push_back({.pod = pod, .stats = std::move(stats)});
  }
  eviction::StepResult result = eviction::Step(config_, state_, input);
  state_ = std::move(result.state);
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
  evicted_.push_back(uid);
  std::erase_if(pods_, [&](const kubelet::Pod& pod) { return pod.uid == uid; });
  return {};
}

}  // namespace nodeproof::conformance
