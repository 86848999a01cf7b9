// Breaks: cpuset.cpus confines the threads of a group.
// How: guarantee_online_cpus() tells which CPUs of its cpuset a task may use, when the task joins
// the group and when it asks for an affinity; here these are all CPUs of the node.
#include <linux/cpumask.h>
#include <linux/sched.h>

#include "live_patch.h"

static void all_cpus(struct task_struct* task, struct cpumask* allowed) {
  cpumask_copy(allowed, cpu_online_mask);
}

MUTANT_LIVE_PATCH(guarantee_online_cpus, all_cpus);
MODULE_DESCRIPTION("cpuset.cpus has no effect");
