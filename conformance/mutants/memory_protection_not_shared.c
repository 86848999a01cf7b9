// Breaks: siblings share their parent's memory.min and memory.low.
// How: page_counter_calculate_protection() gives each group its part of what its parent has, by
// what it uses of its own protection; here it gets all of its own, as far as one group alone could.
// At the top level and where a parent covers all its children nothing changes.
#include <linux/minmax.h>
#include <linux/page_counter.h>

#include "live_patch.h"

static void without_sharing(struct page_counter* root, struct page_counter* counter,
                            bool recursive) {
  const unsigned long usage = page_counter_read(counter);
  struct page_counter* parent = counter->parent;
  if (root == counter || !usage) return;
  if (parent == root) {
    counter->emin = READ_ONCE(counter->min);
    counter->elow = READ_ONCE(counter->low);
    return;
  }
  WRITE_ONCE(counter->emin, min3(usage, READ_ONCE(counter->min), READ_ONCE(parent->emin)));
  WRITE_ONCE(counter->elow, min3(usage, READ_ONCE(counter->low), READ_ONCE(parent->elow)));
}

MUTANT_LIVE_PATCH(page_counter_calculate_protection, without_sharing);
MODULE_DESCRIPTION("each child has its parent's whole protection");
