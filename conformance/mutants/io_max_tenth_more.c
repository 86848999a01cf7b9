// Breaks: io.max in bytes, a little.
// How: while throtl_charge_bio() counts a request against its group's limit, the request says that
// it is a tenth smaller than it is (10/11). io.max reads back what was written.
#include <linux/blk_types.h>

#include "argument_probe.h"

// The request that is being charged on this CPU, and its true size. The caller holds the queue's
// lock and does not sleep.
struct charged {
  struct bio* bio;
  unsigned int size;
};

// throtl_charge_bio(struct throtl_grp *, struct bio *)
static int shrink(struct kretprobe_instance* instance, struct pt_regs* regs) {
  struct charged* charged = (struct charged*)instance->data;
  charged->bio = (struct bio*)regs->si;
  charged->size = charged->bio->bi_iter.bi_size;
  charged->bio->bi_iter.bi_size = charged->size - charged->size / 11;
  return 0;
}

static int restore(struct kretprobe_instance* instance, struct pt_regs* regs) {
  struct charged* charged = (struct charged*)instance->data;
  charged->bio->bi_iter.bi_size = charged->size;
  return 0;
}

static struct kretprobe probe = {
    .kp.symbol_name = "throtl_charge_bio",
    .entry_handler = shrink,
    .handler = restore,
    .data_size = sizeof(struct charged),
    .maxactive = 64,
};

static int __init mutant_init(void) {
  const int error = register_kretprobe(&probe);
  if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);
  return error;
}
module_init(mutant_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("io.max lets a tenth more bytes through");
