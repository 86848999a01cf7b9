// Breaks: kernel objects are charged to the group that they are made for.
// How: __memcg_slab_post_alloc_hook() charges objects of slab; here it does nothing.
#include <linux/types.h>

#include "argument_probe.h"

static bool charge_nobody(void) { return true; }

static void skip(struct pt_regs* regs) { regs->ip = (unsigned long)charge_nobody; }

MUTANT_ARGUMENT_PROBE(__memcg_slab_post_alloc_hook, skip);
MODULE_DESCRIPTION("slab is charged to nobody");
