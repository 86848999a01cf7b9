// Breaks: memory.min and memory.low below the top level of the tree.
// How: page_counter_calculate_protection() gives the groups right below the one whose limit was met
// their setting, and those further down their part of it; here these get nothing.
#include <linux/page_counter.h>

#include "live_patch.h"

static void top_level_only(struct page_counter* root, struct page_counter* counter,
                           bool recursive) {
  const bool top = counter->parent == root;
  if (root == counter || !page_counter_read(counter)) return;
  WRITE_ONCE(counter->emin, top ? READ_ONCE(counter->min) : 0);
  WRITE_ONCE(counter->elow, top ? READ_ONCE(counter->low) : 0);
}

MUTANT_LIVE_PATCH(page_counter_calculate_protection, top_level_only);
MODULE_DESCRIPTION("memory.min and memory.low have no effect below the top level");
