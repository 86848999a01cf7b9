// Breaks: pages follow a change of cpuset.mems.
// How: the kernel hands a process's memory to cpuset_migrate_mm(), which moves the pages; here they
// stay.
#include <linux/nodemask.h>
#include <linux/sched/mm.h>

#include "live_patch.h"

static void stay(struct mm_struct* mm, const nodemask_t* from, const nodemask_t* to) { mmput(mm); }

MUTANT_LIVE_PATCH(cpuset_migrate_mm, stay);
MODULE_DESCRIPTION("a change of cpuset.mems moves no page");
