// Breaks: memory.max, a little.
// How: page_counter_try_charge() compares usage with the limit at every level; here with a tenth
// more. memory.max reads back what was written.
#include "memory_counter.h"

static unsigned long tenth_more(const struct page_counter* at) { return at->max + at->max / 10; }

MUTANT_TRY_CHARGE(tenth_more)
MUTANT_LIVE_PATCH(page_counter_try_charge, mutant_try_charge);
MODULE_DESCRIPTION("memory.max acts like a tenth more");
