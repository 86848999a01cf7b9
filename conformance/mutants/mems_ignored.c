// Breaks: cpuset.mems confines a group's memory.
// How: every task that enters a cpuset, or whose cpuset changes, may use every node with memory.
// cpuset.mems and cpuset.mems.effective read back what was written.
#include <linux/nodemask.h>
#include <linux/sched.h>

#include "argument_probe.h"

// cpuset_change_task_nodemask(struct task_struct *, nodemask_t *)
static void allow_all(struct pt_regs* regs) { regs->si = (unsigned long)&node_states[N_MEMORY]; }

MUTANT_ARGUMENT_PROBE(cpuset_change_task_nodemask, allow_all);
MODULE_DESCRIPTION("cpuset.mems has no effect");
