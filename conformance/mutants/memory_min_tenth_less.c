// Breaks: memory.min, a little.
// How: page_counter_calculate_protection() takes a group's memory.min right below the group whose
// limit was met for nine tenths; all below share that. memory.min reads back what was written.
#include <linux/minmax.h>
#include <linux/page_counter.h>

#include "live_patch.h"

// effective_protection() of mm/page_counter.c.
static unsigned long effective(unsigned long usage, unsigned long parent_usage,
                               unsigned long setting, unsigned long parent_effective,
                               unsigned long siblings, bool recursive) {
  const unsigned long own = min(usage, setting);
  if (siblings > parent_effective) return own * parent_effective / siblings;
  if (!recursive || parent_effective == siblings || parent_usage <= siblings || usage <= own) {
    return own;
  }
  return own + (parent_effective - siblings) * (usage - own) / (parent_usage - siblings);
}

static void nine_tenths(struct page_counter* root, struct page_counter* counter, bool recursive) {
  const unsigned long usage = page_counter_read(counter);
  struct page_counter* parent = counter->parent;
  unsigned long parents;
  if (root == counter || !usage) return;
  if (parent == root) {
    counter->emin = READ_ONCE(counter->min) * 9 / 10;
    counter->elow = READ_ONCE(counter->low);
    return;
  }
  parents = page_counter_read(parent);
  WRITE_ONCE(counter->emin,
             effective(usage, parents, READ_ONCE(counter->min), READ_ONCE(parent->emin),
                       atomic_long_read(&parent->children_min_usage), recursive));
  WRITE_ONCE(counter->elow,
             effective(usage, parents, READ_ONCE(counter->low), READ_ONCE(parent->elow),
                       atomic_long_read(&parent->children_low_usage), recursive));
}

MUTANT_LIVE_PATCH(page_counter_calculate_protection, nine_tenths);
MODULE_DESCRIPTION("memory.min acts like nine tenths");
