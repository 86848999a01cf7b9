// Breaks: cpuset.cpus confines the threads of a group, on one level of the tree only.
// How: guarantee_online_cpus() tells which CPUs of its cpuset a task may use, when the task joins
// the group; here tasks of groups on the sixth level (two below a Guaranteed pod's container) may
// use every online CPU.
#include <linux/cgroup.h>
#include <linux/cpumask.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

struct call {
  struct task_struct* task;
  struct cpumask* allowed;
};

// guarantee_online_cpus(struct task_struct *, struct cpumask *)
static int entered(struct kretprobe_instance* instance, struct pt_regs* regs) {
  struct call* call = (struct call*)instance->data;
  call->task = (struct task_struct*)regs->di;
  call->allowed = (struct cpumask*)regs->si;
  return 0;
}

static int returned(struct kretprobe_instance* instance, struct pt_regs* regs) {
  const struct call* call = (const struct call*)instance->data;
  if (task_dfl_cgroup(call->task)->level == 6) cpumask_copy(call->allowed, cpu_online_mask);
  return 0;
}

static struct kretprobe probe = {.kp.symbol_name = "guarantee_online_cpus",
                                 .entry_handler = entered,
                                 .handler = returned,
                                 .data_size = sizeof(struct call),
                                 .maxactive = 64};

static int __init mutant_init(void) {
  const int error = register_kretprobe(&probe);
  if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);
  return error;
}

module_init(mutant_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("cpuset.cpus has no effect on the sixth level");
