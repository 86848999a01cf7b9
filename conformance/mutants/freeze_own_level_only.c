// Breaks: cgroup.freeze of a group above the one that holds the processes.
// How: cgroup_freeze() freezes a group and all below it; a group with children is left as it is.
#include <linux/cgroup.h>

#include "argument_probe.h"

static void freeze_nothing(void) {}

// cgroup_freeze(struct cgroup *, bool freeze)
static void skip_inner_groups(struct pt_regs* regs) {
  const struct cgroup* group = (const struct cgroup*)regs->di;
  if (group->nr_descendants > 0) regs->ip = (unsigned long)freeze_nothing;
}

MUTANT_ARGUMENT_PROBE(cgroup_freeze, skip_inner_groups);
MODULE_DESCRIPTION("cgroup.freeze has no effect on groups below");
