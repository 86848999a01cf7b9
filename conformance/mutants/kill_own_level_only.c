// Breaks: cgroup.kill ends the processes of the groups below.
// How: below the fifth level, that of containers, nobody is killed.
#include <linux/cgroup.h>

#include "argument_probe.h"

static void kill_nobody(void) {}

// __cgroup_kill(struct cgroup *)
static void skip(struct pt_regs* regs) {
  const struct cgroup* group = (const struct cgroup*)regs->di;
  if (group->level > 5) regs->ip = (unsigned long)kill_nobody;
}

MUTANT_ARGUMENT_PROBE(__cgroup_kill, skip);
MODULE_DESCRIPTION("cgroup.kill has no effect below containers");
