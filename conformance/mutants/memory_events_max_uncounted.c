// Breaks: memory.events counts how often a group met its memory.max.
// How: `max` in memory.events and memory.events.local stays 0.
#include <linux/memcontrol.h>
#include <linux/seq_file.h>

#include "live_patch.h"

static void show_without_max(struct seq_file* file, atomic_long_t* events) {
  seq_printf(file, "low %lu\nhigh %lu\nmax 0\noom %lu\noom_kill %lu\noom_group_kill %lu\n",
             atomic_long_read(&events[MEMCG_LOW]), atomic_long_read(&events[MEMCG_HIGH]),
             atomic_long_read(&events[MEMCG_OOM]), atomic_long_read(&events[MEMCG_OOM_KILL]),
             atomic_long_read(&events[MEMCG_OOM_GROUP_KILL]));
}

MUTANT_LIVE_PATCH(__memory_events_show, show_without_max);
MODULE_DESCRIPTION("memory.events does not count max");
