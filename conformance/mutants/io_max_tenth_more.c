// Breaks: io.max in bytes, a little.
// How: while throtl_charge_bio() counts a request against its group's limit, the request says that
// it is a tenth smaller than it is (10/11). io.max reads back what was written.
#include <linux/blk_types.h>

#include "return_probe.h"

// The request that is being charged on this CPU, and its true size. The caller holds the queue's
// lock and does not sleep.
struct call {
  struct bio* bio;
  unsigned int size;
};

// throtl_charge_bio(struct throtl_grp *, struct bio *)
static void entered(struct call* call, struct pt_regs* regs) {
  call->bio = (struct bio*)regs->si;
  call->size = call->bio->bi_iter.bi_size;
  call->bio->bi_iter.bi_size = call->size - call->size / 11;
}

static void returned(const struct call* call, struct pt_regs* regs) {
  call->bio->bi_iter.bi_size = call->size;
}

MUTANT_RETURN_PROBE(throtl_charge_bio);
MODULE_DESCRIPTION("io.max lets a tenth more bytes through");
