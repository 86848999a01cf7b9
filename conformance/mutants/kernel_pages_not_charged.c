// Breaks: kernel memory that comes in whole pages (stacks, page tables, pipes) is charged.
// How: __memcg_kmem_charge_page() charges it; here it does nothing.
#include "argument_probe.h"

static int charge_nobody(void) { return 0; }

static void skip(struct pt_regs* regs) { regs->ip = (unsigned long)charge_nobody; }

MUTANT_ARGUMENT_PROBE(__memcg_kmem_charge_page, skip);
MODULE_DESCRIPTION("kernel stacks and page tables are charged to nobody");
