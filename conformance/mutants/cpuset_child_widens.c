// Breaks: a group has no CPU that its parent does not have, at one level of the tree.
// How: a group's cpuset.cpus are cut down to what its parent has; here groups on the sixth level
// (the second below a Guaranteed pod's container) are cut down to what the root has.
#include <linux/cgroup.h>

#include "argument_probe.h"

// compute_effective_cpumask(struct cpumask *, struct cpuset *, struct cpuset *parent); a struct
// cpuset begins with its css.
static void from_the_root(struct pt_regs* regs) {
  const struct cgroup_subsys_state* group = (const struct cgroup_subsys_state*)regs->si;
  struct cgroup_subsys_state* parent = (struct cgroup_subsys_state*)regs->dx;
  if (group->cgroup->level != 6) return;
  while (parent->parent) parent = parent->parent;
  regs->dx = (unsigned long)parent;
}

MUTANT_ARGUMENT_PROBE(compute_effective_cpumask, from_the_root);
MODULE_DESCRIPTION("cpuset.cpus is not cut down to the parent's on the sixth level");
