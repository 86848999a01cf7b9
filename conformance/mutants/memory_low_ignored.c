// Breaks: memory.low keeps pages while there is anything else to take; memory.min still does.
// How: page_counter_calculate_protection() takes every memory.low for 0.
#include "protection.h"

static unsigned long nothing(struct page_counter* root, struct page_counter* at) { return 0; }

MUTANT_PROTECTION(mutant_min, nothing);
MODULE_DESCRIPTION("memory.low has no effect");
