// Breaks: CPU time in proportion to cpu.weight, a little.
// How: a group's weight w acts like 100 (w / 100)^(5/8) when it reaches the group's entity:
// siblings of 30 and 70 get 0.37 and 0.63, a tenth off, on one CPU as on many. The knob still reads
// back what was written, and equal weights still share equally.
#include <linux/math.h>
#include <linux/sched.h>

#include "argument_probe.h"

// w^(5/8) 2^7.5, which keeps 2^20, the scaled weight of cpu.weight 100. For w up to 2^28, the
// largest the kernel has (MAX_SHARES, scaled).
static unsigned long flatten(unsigned long weight) {
  const unsigned long half = int_sqrt(weight << 32);     // w^(1/2) 2^16
  const unsigned long quarter = int_sqrt(half << 32);    // w^(1/4) 2^24
  const unsigned long eighth = int_sqrt(quarter << 32);  // w^(1/8) 2^28
  return (half * eighth >> 37) * 1414 / 1000;            // 2^-37 sqrt(2) = 2^(7.5 - 44)
}

// What reweight_entity() is when there is nothing to do.
static void keep_weight(void) {}

// reweight_entity(struct cfs_rq *, struct sched_entity *, unsigned long weight). A task's own
// weight (its nice level) passes unchanged. The caller compares with the unflattened weight and so
// calls for every tick; reweighting to the same weight again and again would clip the entity's lag.
static void flatten_group_weight(struct pt_regs* regs) {
  const struct sched_entity* entity = (const struct sched_entity*)regs->si;
  if (!entity->my_q) return;
  regs->dx = flatten(regs->dx);
  if (entity->load.weight == regs->dx) regs->ip = (unsigned long)keep_weight;
}

MUTANT_ARGUMENT_PROBE(reweight_entity, flatten_group_weight);
MODULE_DESCRIPTION("cpu.weight 30 and 70 act like 37 and 63");
