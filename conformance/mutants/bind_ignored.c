// Breaks: memory that is bound to NUMA nodes comes from there.
// How: policy_nodemask() tells the allocator which nodes a policy allows; for MPOL_BIND all.
#include <linux/mempolicy.h>

#include "return_probe.h"

struct call {
  bool bound;
};

// policy_nodemask(gfp_t, struct mempolicy *, pgoff_t, int *node)
static void entered(struct call* call, struct pt_regs* regs) {
  call->bound = ((const struct mempolicy*)regs->si)->mode == MPOL_BIND;
}

static void returned(const struct call* call, struct pt_regs* regs) {
  if (call->bound) regs->ax = 0;
}

MUTANT_RETURN_PROBE(policy_nodemask);
MODULE_DESCRIPTION("MPOL_BIND has no effect");
