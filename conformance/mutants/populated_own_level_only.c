// Breaks: cgroup.events says whether there are processes in a group or below it.
// How: `populated` looks at the group's own processes alone.
#include <linux/cgroup.h>
#include <linux/kernfs.h>
#include <linux/seq_file.h>

#include "live_patch.h"

static int show_own(struct seq_file* file, void* data) {
  const struct kernfs_open_file* open = file->private;
  const struct cgroup* group = open->kn->parent->priv;
  seq_printf(file, "populated %d\nfrozen %d\n", group->nr_populated_csets > 0,
             test_bit(CGRP_FROZEN, &group->flags));
  return 0;
}

MUTANT_LIVE_PATCH(cgroup_events_show, show_own);
MODULE_DESCRIPTION("cgroup.events looks at the group's own processes alone");
