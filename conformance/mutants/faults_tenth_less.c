// Breaks: pgfault of memory.stat.
// How: one page fault in ten is not counted.
#include <linux/atomic.h>
#include <linux/vm_event_item.h>

#include "argument_probe.h"

static atomic_t faults;

static void count_nothing(void) {}

// __count_memcg_events(struct mem_cgroup *, enum vm_event_item, unsigned long count)
static void skip(struct pt_regs* regs) {
  if (regs->si == PGFAULT && atomic_inc_return(&faults) % 10 == 0) {
    regs->ip = (unsigned long)count_nothing;
  }
}

MUTANT_ARGUMENT_PROBE(__count_memcg_events, skip);
MODULE_DESCRIPTION("memory.stat misses a tenth of all page faults");
