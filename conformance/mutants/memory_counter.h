// What the mutants of memory limits share: page_counter_try_charge() (mm/page_counter.c) with
// another idea of what a limit is.
//
//   static unsigned long limit_of(const struct page_counter *at) { return at->max; }
//   MUTANT_TRY_CHARGE(limit_of);  // defines mutant_try_charge()
//   MUTANT_LIVE_PATCH(page_counter_try_charge, mutant_try_charge);
//
// Counters of memory are told from those of swap and huge pages by at->protection_support.
#ifndef MUTANTS_MEMORY_COUNTER_H_
#define MUTANTS_MEMORY_COUNTER_H_

#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/page_counter.h>

#include "live_patch.h"

// The group that a counter of memory is part of.
static inline const struct mem_cgroup* mutant_group_of(const struct page_counter* counter) {
  return container_of(counter, struct mem_cgroup, memory);
}

// What memory.min and memory.low need to know of a changed usage (propagate_protected_usage()).
static void mutant_propagate(struct page_counter* counter, unsigned long usage) {
  unsigned long protected;
  if (!counter->parent || !counter->protection_support) return;
  protected = min(usage, READ_ONCE(counter->min));
  atomic_long_add(protected - atomic_long_xchg(&counter->min_usage, protected),
                  &counter->parent->children_min_usage);
  protected = min(usage, READ_ONCE(counter->low));
  atomic_long_add(protected - atomic_long_xchg(&counter->low_usage, protected),
                  &counter->parent->children_low_usage);
}

static inline void mutant_take_back(struct page_counter* counter, unsigned long pages) {
  mutant_propagate(counter, atomic_long_sub_return(pages, &counter->usage));
}

#define MUTANT_TRY_CHARGE(limit_of)                                                          \
  static bool mutant_try_charge(struct page_counter* counter, unsigned long pages,           \
                                struct page_counter** fail) {                                \
    struct page_counter* at;                                                                 \
    struct page_counter* done;                                                               \
    for (at = counter; at; at = at->parent) {                                                \
      const unsigned long usage = atomic_long_add_return(pages, &at->usage);                 \
      if (usage > limit_of(at)) {                                                            \
        atomic_long_sub(pages, &at->usage);                                                  \
        at->failcnt++;                                                                       \
        *fail = at;                                                                          \
        for (done = counter; done != at; done = done->parent) mutant_take_back(done, pages); \
        return false;                                                                        \
      }                                                                                      \
      mutant_propagate(at, usage);                                                           \
      if (usage > READ_ONCE(at->local_watermark)) {                                          \
        WRITE_ONCE(at->local_watermark, usage);                                              \
        if (usage > READ_ONCE(at->watermark)) WRITE_ONCE(at->watermark, usage);              \
      }                                                                                      \
    }                                                                                        \
    return true;                                                                             \
  }

#endif  // MUTANTS_MEMORY_COUNTER_H_
