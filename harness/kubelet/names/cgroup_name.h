// Names of the cgroups that the kubelet and the container runtime make, for both cgroup drivers
// (pkg/kubelet/cm/cgroup_manager_linux.go, v1.36).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

// The kubelet's driver-independent name: components from the root down. The root is empty.
using CgroupName = std::vector<std::string>;

inline constexpr std::string_view kKubepods = "kubepods";

// `base` with `components` appended. Errors: a component with '/' or '_' in it (NewCgroupName).
Result<CgroupName> AppendName(const CgroupName& base, const CgroupName& components);

// systemd: "/kubepods.slice/kubepods-burstable.slice". Errors: components that make no slice name
// (empty ones, '/' in them), as systemd refuses them.
Result<std::string> ToSystemd(const CgroupName& name);
// Its last element: "kubepods-burstable.slice"; "/" for the root.
Result<std::string> ToSystemdBasename(const CgroupName& name);
// cgroupfs: "/kubepods/burstable".
std::string ToCgroupfs(const CgroupName& name);
// The path under either driver. Errors: components that would not stay in their place: empty ones,
// "." and "..", '/' in them.
Result<std::string> ToPath(const CgroupName& name, CgroupDriver driver);

// Back again. systemd: the last path element without ".slice", split at '-', '_' read as '-'.
CgroupName ParseSystemd(std::string_view path);
// cgroupfs: split at '/' after one leading '/'; a trailing '/' leaves an empty last component.
CgroupName ParseCgroupfs(std::string_view path);

// kubepods below the configured cgroupRoot; the Guaranteed pods live directly in it.
CgroupName NodeAllocatableName(const CgroupName& cgroup_root);
// kubepods, kubepods/burstable or kubepods/besteffort.
CgroupName QosName(const CgroupName& node_allocatable, QosClass qos);
// <QoS>/pod<uid>. Errors: a uid that is no path component (empty, with '/' or '_').
Result<CgroupName> PodName(const CgroupName& node_allocatable, QosClass qos, std::string_view uid);

// The cgroup that the runtime makes for a container below its pod: "cri-containerd-<id>.scope"
// under systemd, "<id>" under cgroupfs (containerd's pkg/cri and runc's "slice:prefix:name").
std::string ContainerCgroupName(std::string_view container_id, CgroupDriver driver);

}  // namespace nodeproof::kubelet
