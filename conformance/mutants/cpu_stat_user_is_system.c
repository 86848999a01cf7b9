// Breaks: user_usec and system_usec of cpu.stat.
// How: ticks in user space count as ticks in the kernel and the other way round.
#include <linux/kernel_stat.h>

#include "argument_probe.h"

// __cgroup_account_cputime_field(struct cgroup *, enum cpu_usage_stat, u64 nanoseconds)
static void swap_fields(struct pt_regs* regs) {
  if (regs->si == CPUTIME_USER) {
    regs->si = CPUTIME_SYSTEM;
  } else if (regs->si == CPUTIME_SYSTEM) {
    regs->si = CPUTIME_USER;
  }
}

MUTANT_ARGUMENT_PROBE(__cgroup_account_cputime_field, swap_fields);
MODULE_DESCRIPTION("cpu.stat takes user time for system time");
