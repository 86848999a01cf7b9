// Breaks: io.max on one level of the tree only, that of pods.
// How: tg_may_dispatch() tells whether a group's limit lets a request through; here groups on the
// fourth level (capsule, kubepods, QoS slice, pod) let everything through.
#include <linux/cgroup.h>

#include "argument_probe.h"

// The head of block/blk-cgroup.h's structures, which modules do not see: a throtl_grp begins with
// its policy data, that with its blkcg_gq, and a blkcg with its cgroup_subsys_state.
struct blkcg_gq {
  struct request_queue* q;
  struct list_head q_node;
  struct hlist_node blkcg_node;
  struct cgroup_subsys_state* blkcg;
};
struct throtl_grp {
  struct blkcg_gq* blkg;
};

static bool at_once(struct throtl_grp* group, void* bio, unsigned long* wait) {
  if (wait) *wait = 0;
  return true;
}

static void let_pods_through(struct pt_regs* regs) {
  const struct throtl_grp* group = (const struct throtl_grp*)regs->di;
  if (group->blkg->blkcg->cgroup->level == 4) regs->ip = (unsigned long)at_once;
}

MUTANT_ARGUMENT_PROBE(tg_may_dispatch, let_pods_through);
MODULE_DESCRIPTION("io.max has no effect on pods");
