// How the CPU Manager's cases are read and answered; shared by the files of its topics.
#pragma once

#include "harness/kubelet/cpu_manager/policy_options.h"
#include "harness/kubelet/cpu_manager/take_by_topology.h"
#include "harness/kubelet/model/model.h"

namespace nodeproof::kubelet {

// The options of a case, with booleans turned into the strings of a KubeletConfiguration.
cpu_manager::StringOptions OptionStrings(const Json& the_case, const char* field);

// The gates of a case; a gate that is null keeps its default, and one that the model does not know
// has no say in these topics.
Result<FeatureGates> KnownGatesFromCase(const Json& the_case);
Result<cpu_manager::OptionGates> OptionGatesFromCase(const Json& the_case);

// {"cpuset": …} or the error answer.
Json AllocationAnswer(const cpu_manager::Allocation& allocation);

// Topics that work on a state: cpu_static_policy and cpu_topology_hints.
void RegisterCpuStaticPolicyTopics(TopicTable& table);

}  // namespace nodeproof::kubelet
