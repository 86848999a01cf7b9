// Breaks: memory.min and memory.low when the machine itself runs out of memory.
// How: page_counter_calculate_protection() takes them for 0 when it is not a group's limit that was
// met.
#include "protection.h"

static unsigned long min_below_limits(struct page_counter* root, struct page_counter* at) {
  return root->parent ? READ_ONCE(at->min) : 0;
}

static unsigned long low_below_limits(struct page_counter* root, struct page_counter* at) {
  return root->parent ? READ_ONCE(at->low) : 0;
}

MUTANT_PROTECTION(min_below_limits, low_below_limits);
MODULE_DESCRIPTION("memory.min and memory.low have no effect when the machine runs out of memory");
