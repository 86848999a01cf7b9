// Breaks: a task that runs is charged for all of it.
// How: quotas and usage_usec of cpu.stat are both charged nine tenths of the time that tasks ran,
// so that they agree with each other, and every quota lasts longer by the clock on the wall.
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>

// Both have the nanoseconds as their second argument.
static int charge_less(struct kprobe* probe, struct pt_regs* regs) {
  regs->si = regs->si * 9 / 10;
  return 0;
}

static struct kprobe usage = {.symbol_name = "__cgroup_account_cputime",
                              .pre_handler = charge_less};
static struct kprobe quota = {.symbol_name = "__account_cfs_rq_runtime",
                              .pre_handler = charge_less};
static struct kprobe* probes[] = {&usage, &quota};

static int __init mutant_init(void) {
  const int error = register_kprobes(probes, ARRAY_SIZE(probes));
  if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);
  return error;
}

module_init(mutant_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("nine tenths of CPU time are charged, to quotas and in cpu.stat");
