// Breaks: disk time in proportion to io.weight.
// How: what is written to io.weight is taken and forgotten.
#include <linux/fs.h>

#include "live_patch.h"

struct kernfs_open_file;

static ssize_t forget(struct kernfs_open_file* file, char* text, size_t length, loff_t offset) {
  return length;
}

MUTANT_LIVE_PATCH(ioc_weight_write, forget);
MODULE_DESCRIPTION("io.weight has no effect");
