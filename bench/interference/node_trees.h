// The trees of the interference matrix's arms.
//
//   protected     capsule ── kubepods ─┬─ victim (Guaranteed: 1 exclusive CPU, 128Mi) ── main
//                                      └─ besteffort ── aggressor ── main
//   unprotected   capsule ── everything        no knob is set, both are in it: a node without
//   groups
#pragma once

#include "harness/kubelet/plan/plan.h"
#include "harness/topology/topology.h"

namespace nodeproof::bench {

// The node in miniature that both arms have.
inline constexpr Bytes kNodeMemory = MiB(512);
inline constexpr int64_t kNodePids = 4096;

inline constexpr const char* kVictim = "victim";
inline constexpr const char* kAggressor = "aggressor";

// What the kubelet makes with the static CPU policy, Memory QoS with tiered reservation and a limit
// of 256 pids a pod. Errors: the node has one CPU only, so that none can be exclusive.
Result<kubelet::Plan> ProtectedPlan(const Topology& topology);

// One group for both, without a limit, a weight or a protection. (Two bare groups would share the
// CPUs between the pods by themselves.)
kubelet::Plan UnprotectedPlan();

}  // namespace nodeproof::bench
