// Breaks: memory.max, a little.
// How: page_counter_try_charge() compares usage with the limit at every level; here with a tenth
// more. memory.max reads back what was written.
#include <linux/minmax.h>
#include <linux/page_counter.h>

#include "live_patch.h"

// What memory.min and memory.low need to know of a changed usage (propagate_protected_usage()).
static void propagate(struct page_counter* counter, unsigned long usage) {
  unsigned long protected;
  if (!counter->parent || !counter->protection_support) return;
  protected = min(usage, READ_ONCE(counter->min));
  atomic_long_add(protected - atomic_long_xchg(&counter->min_usage, protected),
                  &counter->parent->children_min_usage);
  protected = min(usage, READ_ONCE(counter->low));
  atomic_long_add(protected - atomic_long_xchg(&counter->low_usage, protected),
                  &counter->parent->children_low_usage);
}

static void take_back(struct page_counter* counter, unsigned long pages) {
  propagate(counter, atomic_long_sub_return(pages, &counter->usage));
}

static bool try_charge_more(struct page_counter* counter, unsigned long pages,
                            struct page_counter** fail) {
  struct page_counter* at;
  struct page_counter* done;
  for (at = counter; at; at = at->parent) {
    const unsigned long usage = atomic_long_add_return(pages, &at->usage);
    if (usage > at->max + at->max / 10) {
      atomic_long_sub(pages, &at->usage);
      at->failcnt++;
      *fail = at;
      for (done = counter; done != at; done = done->parent) take_back(done, pages);
      return false;
    }
    propagate(at, usage);
    if (usage > READ_ONCE(at->local_watermark)) {
      WRITE_ONCE(at->local_watermark, usage);
      if (usage > READ_ONCE(at->watermark)) WRITE_ONCE(at->watermark, usage);
    }
  }
  return true;
}

MUTANT_LIVE_PATCH(page_counter_try_charge, try_charge_more);
MODULE_DESCRIPTION("memory.max acts like a tenth more");
