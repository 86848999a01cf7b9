// Steps that claims about memory share: knobs along a pod's path, conditions waited for, and what
// the kernel charges beside a process's own pages.
#pragma once

#include <functional>
#include <string_view>

#include "conformance/arm_context.h"
#include "harness/capsule/tree.h"
#include "harness/stress/anon_hog.h"

namespace nodeproof::conformance {

// The node that the memory claims' pods are planned for, with room for all they ask for.
kubelet::NodeSpec MemoryNode();

// Sets a knob of a pod's container and of the pod itself.
Status SetOnPod(kubelet::Plan& plan, std::string_view pod, std::string_view file,
                std::string_view value);
// The same, and on every slice above the pod: protection needs the whole path, because a parent
// with 0 voids its children's.
Status SetOnPath(kubelet::Plan& plan, std::string_view pod, std::string_view file,
                 std::string_view value);
// Sets a knob of the kubepods slice.
Status SetOnNodeSlice(kubelet::Plan& plan, std::string_view file, std::string_view value);

// Looks every 5 ms until `reached`. An error with code ETIMEDOUT names `what` when it was not
// within the arm's patience.
Status Await(const ArmContext& context, std::string_view what,
             const std::function<Result<bool>()>& reached);

// Each CPU may hold one batch of 64 pages that are charged to a group and not yet used
// (MEMCG_CHARGE_BATCH, mm/memcontrol.c).
Bytes ChargeBatches(const ArmContext& context);
// How far memory.stat of a group at rest may lag behind (mm/memcontrol.c, memcg_rstat_updated() and
// mem_cgroup_flush_stats()). Each CPU keeps up to 64 changes to itself, and up to as many a CPU
// that were told do not make a reader bring the file up to date: at most 128 a CPU, of a page each.
// (6.1 tells from the 65th, so 129 a CPU; but it counts an object of slab by its bytes, and any
// other page twice or more, by its kind and by its LRU list.)
Bytes StatLag(const ArmContext& context);
// Looks every 5 ms until `reached`, for 5 s at the most: memory.stat is brought up to date every 2
// s, however little changed (FLUSH_TIME). More than StatLag() may be missing until then: before 6.8
// a reader that finds another one bringing the file up to date does not wait for it (a try lock).
// What is not reached shows in the checks.
Status AwaitStat(const ArmContext& context, const std::function<Result<bool>()>& reached);
// What the kernel charges beside `pages` of a single process: page tables (8 bytes a page), the
// batches, and 1 MiB for the process itself (its stack, page directory and kernel objects).
Bytes KernelShare(const ArmContext& context, Bytes pages);

// One counter of a keyed file.
Result<int64_t> Counter(const cgroup::Cgroup& group, const std::string& file, std::string_view key);

// The oom_score_adj that the plan has for a pod's container.
Result<int> OomScoreAdjOf(const kubelet::Plan& plan, std::string_view pod);
// An error marked `unsupported` unless children may get an oom_score_adj below the caller's, which
// needs CAP_SYS_RESOURCE.
Status RequireLowOomScores();

// Whether a process ended by SIGKILL within `timeout`.
Result<bool> DiedOfKill(cgroup::Process& process, Seconds timeout);
// Whether a hog was killed before it had touched `target`; returns when one of them is so.
Result<bool> KilledBefore(const ArmContext& context, stress::AnonHog& hog, Bytes target);

// An arm with what the tree says of itself.
results::Arm DescribedArm(const capsule::Tree& tree, std::string description);

// Shorthands for exact checks.
results::Check CountIs(std::string name, int64_t expected, int64_t measured);
results::Check BytesAtMost(std::string name, Bytes expected, Bytes measured, Bytes tolerance = {});
results::Check BytesAtLeast(std::string name, Bytes expected, Bytes measured, Bytes tolerance = {});
results::LoadProof BytesDone(std::string name, Bytes required, Bytes done);

inline const std::vector<std::string> kMemoryControllers = {"cpu", "cpuset", "memory", "pids"};
// What a claim needs whose load is page cache that can be reclaimed.
Needs PageCacheNeeds(Bytes memory);

}  // namespace nodeproof::conformance
