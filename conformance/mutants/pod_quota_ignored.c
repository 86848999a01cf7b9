// Breaks: a quota of a pod, not one of a container.
// How: the bandwidth of a group whose directory is that of a pod ("…-pod<uid>.slice") is set with
// no limit.
#include <linux/cgroup.h>
#include <linux/string.h>

#include "argument_probe.h"

// tg_set_cfs_bandwidth(struct task_group *, u64 period, u64 quota, u64 burst). A task group begins
// with its css (kernel/sched/sched.h).
static void without_quota_of_pods(struct pt_regs* regs) {
  const struct cgroup_subsys_state* css = (const struct cgroup_subsys_state*)regs->di;
  const char* name = css->cgroup && css->cgroup->kn ? css->cgroup->kn->name : NULL;
  if (name && strstr(name, "-pod") && strstr(name, ".slice")) regs->dx = ~0ULL;  // RUNTIME_INF
}

MUTANT_ARGUMENT_PROBE(tg_set_cfs_bandwidth, without_quota_of_pods);
MODULE_DESCRIPTION("the cpu.max of pods has no effect");
