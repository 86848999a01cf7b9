// Breaks: every page that a group's processes touch is charged to it.
// How: one page in ten is charged to nobody.
#include <linux/atomic.h>

#include "argument_probe.h"

static atomic_t pages;

static int charge_nobody(void) { return 0; }

// __mem_cgroup_charge(struct folio *, struct mm_struct *, gfp_t)
static void skip(struct pt_regs* regs) {
  if (atomic_inc_return(&pages) % 10 == 0) regs->ip = (unsigned long)charge_nobody;
}

MUTANT_ARGUMENT_PROBE(__mem_cgroup_charge, skip);
MODULE_DESCRIPTION("a tenth of all pages is charged to nobody");
