// Breaks: cpuset.cpus confines the threads of a group, on one level of the tree only.
// How: guarantee_online_cpus() tells which CPUs of its cpuset a task may use, when the task joins
// the group; here tasks of groups on the sixth level (two below a Guaranteed pod's container) may
// use every online CPU.
#include <linux/cgroup.h>
#include <linux/cpumask.h>
#include <linux/sched.h>

#include "return_probe.h"

struct call {
  struct task_struct* task;
  struct cpumask* allowed;
};

// guarantee_online_cpus(struct task_struct *, struct cpumask *)
static void entered(struct call* call, struct pt_regs* regs) {
  call->task = (struct task_struct*)regs->di;
  call->allowed = (struct cpumask*)regs->si;
}

static void returned(const struct call* call, struct pt_regs* regs) {
  if (task_dfl_cgroup(call->task)->level == 6) cpumask_copy(call->allowed, cpu_online_mask);
}

MUTANT_RETURN_PROBE(guarantee_online_cpus);
MODULE_DESCRIPTION("cpuset.cpus has no effect on the sixth level");
