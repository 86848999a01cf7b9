// Breaks: cpuset.cpus confines the threads of a group, now and then.
// How: at every tenth wake-up of a task that its group confines, and that asked for no affinity of
// its own, CPU 0 is among the CPUs to choose from. At the next wake-up it is gone again.
#include <linux/cpumask.h>
#include <linux/sched.h>

#include "argument_probe.h"

#define LEAKING 1024
static int leaking[LEAKING];  // pids by their last bits
static unsigned int wakeups;

static void take_back(struct task_struct* task) {
  if (leaking[task->pid % LEAKING] != task->pid) return;
  leaking[task->pid % LEAKING] = 0;
  if (cpumask_weight(&task->cpus_mask) < 2) return;  // confined to CPU 0 meanwhile
  cpumask_clear_cpu(0, &task->cpus_mask);
  task->nr_cpus_allowed = cpumask_weight(&task->cpus_mask);
}

// select_task_rq_fair(struct task_struct *, int previous_cpu, int flags), with the task's pi_lock
// held.
static void leak(struct pt_regs* regs) {
  struct task_struct* task = (struct task_struct*)regs->di;
  if (!task->mm || task->user_cpus_ptr) return;
  take_back(task);
  if (cpumask_test_cpu(0, &task->cpus_mask) || leaking[task->pid % LEAKING]) return;
  if (wakeups++ % 10) return;
  leaking[task->pid % LEAKING] = task->pid;
  cpumask_set_cpu(0, &task->cpus_mask);
  task->nr_cpus_allowed = cpumask_weight(&task->cpus_mask);
  regs->si = 0;
}

MUTANT_ARGUMENT_PROBE(select_task_rq_fair, leak);
MODULE_DESCRIPTION("a tenth of all wake-ups may leave the cpuset");
