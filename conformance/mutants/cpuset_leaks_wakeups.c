// Breaks: cpuset.cpus confines the threads of a group, now and then.
// How: at every tenth wake-up of a task that its group keeps off CPU 0, and that asked for no
// affinity of its own, CPU 0 is among the CPUs to choose from. At the next wake-up it is gone
// again.
#include <linux/cpumask.h>
#include <linux/sched.h>

#include "argument_probe.h"

#define LEAKING 1024
static int leaking[LEAKING];  // pids by their last bits
static unsigned int wakeups;

static void allow(struct task_struct* task, bool allowed) {
  leaking[task->pid % LEAKING] = allowed ? task->pid : 0;
  cpumask_assign_cpu(0, &task->cpus_mask, allowed);
  task->nr_cpus_allowed = cpumask_weight(&task->cpus_mask);
}

// try_to_wake_up(struct task_struct *, unsigned int state, int flags)
static void leak(struct pt_regs* regs) {
  struct task_struct* task = (struct task_struct*)regs->di;
  if (!task->mm || task->user_cpus_ptr) return;
  if (leaking[task->pid % LEAKING] == task->pid) {
    if (cpumask_weight(&task->cpus_mask) > 1) allow(task, false);
  } else if (!cpumask_test_cpu(0, &task->cpus_mask) && wakeups++ % 10 == 0) {
    allow(task, true);
  }
}

MUTANT_ARGUMENT_PROBE(try_to_wake_up, leak);
MODULE_DESCRIPTION("a tenth of all wake-ups may leave the cpuset");
