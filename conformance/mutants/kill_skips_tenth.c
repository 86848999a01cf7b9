// Breaks: cgroup.kill ends every process.
// How: it sends SIGKILL with send_sig(), which hardly anybody else does; every tenth is lost.
#include <linux/sched/signal.h>

#include "argument_probe.h"

static atomic_t kills = ATOMIC_INIT(0);

// What send_sig() is when the signal is lost.
static int send_nothing(void) { return 0; }

// send_sig(int signal, struct task_struct *, int from_kernel)
static void lose_a_tenth(struct pt_regs* regs) {
  if ((int)regs->di != SIGKILL || atomic_inc_return(&kills) % 10 != 0) return;
  regs->ip = (unsigned long)send_nothing;
}

MUTANT_ARGUMENT_PROBE(send_sig, lose_a_tenth);
MODULE_DESCRIPTION("cgroup.kill misses every tenth process");
