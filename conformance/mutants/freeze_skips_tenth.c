// Breaks: cgroup.freeze stops every process of a subtree.
// How: every tenth process is not told to stop.
#include <linux/atomic.h>
#include <linux/types.h>

#include "argument_probe.h"

static atomic_t processes;

static void freeze_nothing(void) {}

// cgroup_freeze_task(struct task_struct *, bool freeze)
static void skip(struct pt_regs* regs) {
  if ((bool)regs->si && atomic_inc_return(&processes) % 10 == 0) {
    regs->ip = (unsigned long)freeze_nothing;
  }
}

MUTANT_ARGUMENT_PROBE(cgroup_freeze_task, skip);
MODULE_DESCRIPTION("cgroup.freeze misses every tenth process");
