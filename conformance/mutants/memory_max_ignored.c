// Breaks: memory.max, and the OOM kill at the limit.
// How: every charge is made one that may neither wait nor fail, which the kernel then lets pass the
// limit.
#include <linux/gfp.h>

#include "argument_probe.h"

// try_charge_memcg(struct mem_cgroup *, gfp_t, unsigned int pages)
static void always_charge(struct pt_regs* regs) {
  const gfp_t flags = (gfp_t)regs->si;
  regs->si = (__force unsigned long)((flags & ~__GFP_DIRECT_RECLAIM) | __GFP_NOFAIL);
}

MUTANT_ARGUMENT_PROBE(try_charge_memcg, always_charge);
MODULE_DESCRIPTION("memory.max has no effect");
