// The kubelet's eviction loop on live files: it reads the signals of the capsule as the kubelet
// reads those of a node, lets the policy model take one pass, and kills the pods that it evicts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "conformance/eviction/pod_files.h"
#include "harness/capsule/tree.h"
#include "harness/kubelet/eviction/loop.h"

namespace nodeproof::conformance {

// What stands in for a node's resources. Signals of what is not given are not read.
struct NodeStandIn {
  Bytes memory{0};                   // the capsule's memory.max
  std::optional<int64_t> pids = {};  // its pids.max
  PodFiles* files = nullptr;         // on the disk that is nodefs; an evicted pod's are removed
};

class EvictionAgent {
 public:
  // For the pods of `tree`. Errors: thresholds that the kubelet refuses.
  static Result<EvictionAgent> Create(ArmContext& context, const capsule::Tree& tree,
                                      const kubelet::KubeletConfiguration& config,
                                      std::vector<kubelet::Pod> pods, const NodeStandIn& node);

  // memory.available as the kubelet takes it of the root: capacity - (anon + file - inactive_file)
  // of memory.stat.
  Result<Bytes> Available() const;
  // pid.available: capacity - tasks (threads, that is).
  Result<int64_t> PidsAvailable() const;
  // The working set of a pod: memory.current - inactive_file of its cgroup.
  Result<Bytes> WorkingSetOf(const std::string& uid) const;

  // One pass at the clock's time. A pod that the model evicts is killed (cgroup.kill) and no longer
  // active. Nothing is there to be reclaimed on node level: no unused container or image.
  Result<kubelet::eviction::Decision> Pass();
  // Who was evicted, in order.
  const std::vector<std::string>& evicted() const { return evicted_; }

 private:
  EvictionAgent(ArmContext& context, const capsule::Tree& tree,
                kubelet::eviction::LoopConfig config, std::vector<kubelet::Pod> pods,
                const NodeStandIn& node)
      : context_(&context),
        tree_(&tree),
        config_(std::move(config)),
        pods_(std::move(pods)),
        node_(node) {}
  Result<kubelet::eviction::NodeReading> ReadNode() const;
  Result<kubelet::eviction::PodStats> ReadPod(const std::string& uid) const;
  Result<int64_t> SignalValue(kubelet::eviction::Signal signal) const;
  Status Evict(const std::string& uid);

  ArmContext* context_;
  const capsule::Tree* tree_;
  kubelet::eviction::LoopConfig config_;
  kubelet::eviction::LoopState state_;
  std::vector<kubelet::Pod> pods_;
  NodeStandIn node_;
  std::vector<std::string> evicted_;
};

}  // namespace nodeproof::conformance
