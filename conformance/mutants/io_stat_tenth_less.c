// Breaks: io.stat counts everything.
// How: one request in ten is not counted.
#include <linux/atomic.h>
#include <linux/blk_types.h>

#include "argument_probe.h"

static atomic_t requests;

static void uncounted(struct bio* bio) {}

// blk_cgroup_bio_start(struct bio *)
static void skip(struct pt_regs* regs) {
  if (atomic_inc_return(&requests) % 10 == 0) regs->ip = (unsigned long)uncounted;
}

MUTANT_ARGUMENT_PROBE(blk_cgroup_bio_start, skip);
MODULE_DESCRIPTION("io.stat misses a tenth of all requests");
