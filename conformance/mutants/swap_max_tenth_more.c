// Breaks: memory.swap.max, a little.
// How: every limit of swap acts like a tenth more, where swap is charged and where reclaim asks how
// much there is. memory.swap.max reads back what was written.
#include <linux/swap.h>

#include "memory_counter.h"

static unsigned long a_tenth_more(unsigned long limit) { return limit + limit / 10; }

static unsigned long limit_of(const struct page_counter* at) {
  const struct mem_cgroup* group = container_of(at, struct mem_cgroup, swap);
  if (at->protection_support || group->css.ss != &memory_cgrp_subsys) return at->max;
  return a_tenth_more(at->max);
}

MUTANT_TRY_CHARGE(limit_of)

static long swap_left(struct mem_cgroup* group) {
  long left = get_nr_swap_pages();
  for (; group && parent_mem_cgroup(group); group = parent_mem_cgroup(group)) {
    const unsigned long limit = a_tenth_more(READ_ONCE(group->swap.max));
    left = min_t(long, left, limit - page_counter_read(&group->swap));
  }
  return left;
}

MUTANT_LIVE_PATCHES({.old_name = "page_counter_try_charge", .new_func = mutant_try_charge},
                    {.old_name = "mem_cgroup_get_nr_swap_pages", .new_func = swap_left});
MODULE_DESCRIPTION("memory.swap.max acts like a tenth more");
