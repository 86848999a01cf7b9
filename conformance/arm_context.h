// What a claim works with while one of its arms runs.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <random>

#include "conformance/claim.h"
#include "harness/base/clock.h"
#include "harness/capsule/capsule.h"
#include "harness/kubelet/plan/plan.h"
#include "harness/measure/stall_monitor.h"
#include "harness/measure/windows.h"
#include "harness/record/recorder.h"
#include "harness/topology/topology.h"

namespace nodeproof::conformance {

// What all claims of a run share.
struct Environment {
  capsule::Capsule* capsule = nullptr;
  Topology topology;
  kubelet::CgroupDriver driver = kubelet::CgroupDriver::kSystemd;
  node::Lane lane = node::Lane::kRealtime;
  uint64_t seed = 0;
  bool thorough = false;                         // more of what is drawn at random
  std::optional<std::filesystem::path> scratch;  // a directory on a disk; nullopt: none
  std::string why_no_scratch = {};
  std::string why_no_cxl = {};  // the node has CXL memory, but it stayed offline
  Bytes memory{0};              // available on the node
  bool owns_node = false;       // nobody else uses the node: a VM
  Seconds claim_timeout{0};     // replaces a claim's arm budgets when not 0
  const Clock* clock = &MonotonicClock();
  // Told after each window: arm, windows so far, time since the arm began.
  std::function<void(ArmRole, int, Seconds)> progress = {};
};

class ArmContext {
 public:
  ArmContext(const Environment& environment, const Claim& claim, ArmRole role);

  bool Protected() const { return role_ == ArmRole::kProtected; }
  const Environment& environment() const { return environment_; }
  const Topology& topology() const { return environment_.topology; }
  const Clock& clock() const { return recorder_.clock(); }
  // What the trees planted here did; for the report alone.
  record::Recorder& recorder() { return recorder_; }
  // The same sequence in every run with the same seed, another one for each claim.
  std::mt19937_64& random() { return random_; }

  // The highest-numbered CPU: away from CPU 0, where a kernel does its housekeeping.
  int QuietCpu() const { return *std::prev(online_.end()); }
  const CpuSet& online() const { return online_; }
  // The CPUs to saturate when shares of CPU time are measured: all of them. The deterministic lane
  // executes one virtual CPU at a time while the clock of all goes on, so that on several saturated
  // CPUs work is no measure of CPU time: there it is the quiet one alone.
  CpuSet ContestCpus() const {
    return environment_.lane == node::Lane::kDeterministic ? CpuSet{QuietCpu()} : online_;
  }

  // What the kubelet would make for `pods` on a node of `node_spec`, CPU lists cut to this one's.
  Result<kubelet::Plan> MakePlan(const kubelet::NodeSpec& node_spec,
                                 const kubelet::KubeletConfiguration& config,
                                 const std::vector<kubelet::Pod>& pods) const;

  // Plants the tree that the kubelet would make for `pods` on a node of `node_spec` (which may have
  // more CPUs than this one), after `edit` had its way with the plan.
  Result<capsule::Tree> Plant(const kubelet::NodeSpec& node_spec,
                              const kubelet::KubeletConfiguration& config,
                              const std::vector<kubelet::Pod>& pods,
                              const std::function<Status(kubelet::Plan&)>& edit = {},
                              const capsule::CapsuleLimits& limits = {});

  // The node at hand as the kubelet sees it: its usable CPUs, their caches and its NUMA nodes.
  kubelet::NodeSpec NodeHere() const;
  // The tree that the kubelet would make for `pods` on this very node, with what the CPU, Memory
  // and Topology Managers of `config` decide on them.
  Result<kubelet::Plan> PlanHere(const kubelet::KubeletConfiguration& config,
                                 const std::vector<kubelet::Pod>& pods) const;
  // Plants a plan as it is.
  Result<capsule::Tree> Plant(const kubelet::Plan& plan, const capsule::CapsuleLimits& limits = {});

  // Windows of `length` within the arm's budget, with progress reported.
  Result<measure::WindowedChecks> TakeWindows(Milliseconds length,
                                              const std::vector<measure::Quantity>& quantities,
                                              const std::function<Status()>& open,
                                              const measure::CloseWindow& close);

  // The time that any step of this arm may take that is waited for.
  Seconds patience() const { return Seconds(60); }

 private:
  const Environment& environment_;
  const Claim& claim_;
  ArmRole role_;
  CpuSet online_;
  std::mt19937_64 random_;
  Nanoseconds begun_;
  record::Recorder recorder_;
};

}  // namespace nodeproof::conformance
