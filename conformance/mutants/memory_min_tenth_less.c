// Breaks: memory.min, a little.
// How: page_counter_calculate_protection() takes a group's memory.min right below the group whose
// limit was met for nine tenths; all below share that. memory.min reads back what was written.
#include "protection.h"

static unsigned long nine_tenths(struct page_counter* root, struct page_counter* at) {
  return at->parent == root ? READ_ONCE(at->min) * 9 / 10 : READ_ONCE(at->min);
}

MUTANT_PROTECTION(nine_tenths, mutant_low);
MODULE_DESCRIPTION("memory.min acts like nine tenths");
