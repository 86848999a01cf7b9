// The kubelet's eviction loop on live files: it reads the signals of the capsule as the kubelet
// reads those of a node, lets the policy model take one pass, and kills the pods that it evicts.
#pragma once

#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "harness/capsule/tree.h"
#include "harness/kubelet/eviction/loop.h"

namespace nodeproof::conformance {

class EvictionAgent {
 public:
  // For the pods of `tree`, on a node whose memory is `capacity` (the capsule's memory.max).
  // Errors: thresholds that the kubelet refuses.
  static Result<EvictionAgent> Create(ArmContext& context, const capsule::Tree& tree,
                                      const kubelet::KubeletConfiguration& config,
                                      std::vector<kubelet::Pod> pods, Bytes capacity);

  // memory.available as the kubelet takes it of the root: capacity - (anon + file - inactive_file)
  // of memory.stat.
  Result<Bytes> Available() const;
  // The working set of a pod: memory.current - inactive_file of its cgroup.
  Result<Bytes> WorkingSetOf(const std::string& uid) const;

  // One pass at the clock's time. A pod that the model evicts is killed (cgroup.kill) and no longer
  // active.
  Result<kubelet::eviction::Decision> Pass();
  // Who was evicted, in order.
  const std::vector<std::string>& evicted() const { return evicted_; }

 private:
  EvictionAgent(ArmContext& context, const capsule::Tree& tree,
                kubelet::eviction::LoopConfig config, std::vector<kubelet::Pod> pods,
                Bytes capacity)
      : context_(&context),
        tree_(&tree),
        config_(std::move(config)),
        pods_(std::move(pods)),
        capacity_(capacity) {}
  Result<kubelet::eviction::NodeReading> ReadNode() const;
  Status Evict(const std::string& uid);

  ArmContext* context_;
  const capsule::Tree* tree_;
  kubelet::eviction::LoopConfig config_;
  kubelet::eviction::LoopState state_;
  std::vector<kubelet::Pod> pods_;
  Bytes capacity_;
  std::vector<std::string> evicted_;
};

}  // namespace nodeproof::conformance
