// What the mutants of memory.min and memory.low share: page_counter_calculate_protection()
// (mm/page_counter.c) with other settings than were written.
//
//   static unsigned long min_of(struct page_counter *root, struct page_counter *at) { … }
//   MUTANT_PROTECTION(min_of, low_of);
//
// `root` is the counter of the group whose limit was met, or of the root group when the machine
// runs out of memory.
#ifndef MUTANTS_PROTECTION_H_
#define MUTANTS_PROTECTION_H_

#include <linux/minmax.h>
#include <linux/page_counter.h>

#include "live_patch.h"

// effective_protection() of mm/page_counter.c.
static unsigned long mutant_share(unsigned long usage, unsigned long parent_usage,
                                  unsigned long setting, unsigned long parent_effective,
                                  unsigned long siblings, bool recursive) {
  const unsigned long own = min(usage, setting);
  if (siblings > parent_effective) return own * parent_effective / siblings;
  if (!recursive || parent_effective == siblings || parent_usage <= siblings || usage <= own) {
    return own;
  }
  return own + (parent_effective - siblings) * (usage - own) / (parent_usage - siblings);
}

static inline unsigned long mutant_min(struct page_counter* root, struct page_counter* at) {
  return READ_ONCE(at->min);
}

static inline unsigned long mutant_low(struct page_counter* root, struct page_counter* at) {
  return READ_ONCE(at->low);
}

#define MUTANT_PROTECTION(min_of, low_of)                                                          \
  static void mutant_protect(struct page_counter* root, struct page_counter* at, bool recursive) { \
    const unsigned long usage = page_counter_read(at);                                             \
    struct page_counter* parent = at->parent;                                                      \
    unsigned long above;                                                                           \
    if (root == at || !usage) return;                                                              \
    if (parent == root) {                                                                          \
      at->emin = min_of(root, at);                                                                 \
      at->elow = low_of(root, at);                                                                 \
      return;                                                                                      \
    }                                                                                              \
    above = page_counter_read(parent);                                                             \
    WRITE_ONCE(at->emin, mutant_share(usage, above, min_of(root, at), READ_ONCE(parent->emin),     \
                                      atomic_long_read(&parent->children_min_usage), recursive));  \
    WRITE_ONCE(at->elow, mutant_share(usage, above, low_of(root, at), READ_ONCE(parent->elow),     \
                                      atomic_long_read(&parent->children_low_usage), recursive));  \
  }                                                                                                \
  MUTANT_LIVE_PATCH(page_counter_calculate_protection, mutant_protect)

#endif  // MUTANTS_PROTECTION_H_
