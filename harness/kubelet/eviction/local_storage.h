// Pods that use more local storage than they may: limits of their emptyDirs, of the whole pod, of
// one container. They are evicted whether or not the node is short of anything.
//
// Source: pkg/kubelet/eviction/eviction_manager.go (localStorageEviction), Kubernetes 1.36.2.
#pragma once

#include <optional>
#include <string>

#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/eviction/ranking.h"
#include "harness/kubelet/eviction/thresholds.h"

namespace nodeproof::kubelet::eviction {

// Which limit `pod` is over (strictly), as a sentence for people; nullopt if none or if it has no
// stats. Checked in this order:
//   1. an emptyDir (of any medium) over its sizeLimit, if that is positive;
//   2. the pod over its aggregated ephemeral-storage limit, if any container sets one, even 0;
//   3. a regular container over its own limit, if not 0: logs, and the writable layer unless that
//   is
//      on a dedicated imagefs.
std::optional<std::string> LocalStorageViolation(const ActivePod& pod, FsLayout layout,
                                                 const FeatureGates& gates = {});

}  // namespace nodeproof::kubelet::eviction
