// What the mutants of the pids controller share: pids_can_fork() (kernel/cgroup/pids.c) with
// another rule of when a group is full.
//
//   static bool is_full(struct pids_cgroup* at, s64 tasks, bool own) { return false; }
//   MUTANT_PIDS_LIMIT(is_full);
//
// `tasks` is what the group would have with the new one, `own` says that it is to be born right
// there.
#ifndef MUTANTS_PIDS_LIMIT_H_
#define MUTANTS_PIDS_LIMIT_H_

#include <linux/cgroup.h>
#include <linux/errno.h>
#include <linux/sched.h>

#include "live_patch.h"

// The first members of the kernel's own (kernel/cgroup/pids.c, 6.12).
struct pids_cgroup {
  struct cgroup_subsys_state css;
  atomic64_t counter;
  atomic64_t limit;
};

static struct pids_cgroup* mutant_parent(struct pids_cgroup* group) {
  return group->css.parent ? container_of(group->css.parent, struct pids_cgroup, css) : NULL;
}

#define MUTANT_PIDS_LIMIT(is_full)                                                              \
  static int mutant_can_fork(struct task_struct* task, struct css_set* set) {                   \
    struct pids_cgroup* own = container_of(set->subsys[pids_cgrp_id], struct pids_cgroup, css); \
    struct pids_cgroup* at;                                                                     \
    struct pids_cgroup* done;                                                                   \
    for (at = own; mutant_parent(at); at = mutant_parent(at)) {                                 \
      if (!is_full(at, atomic64_inc_return(&at->counter), at == own)) continue;                 \
      for (done = own; done != at; done = mutant_parent(done)) atomic64_dec(&done->counter);    \
      atomic64_dec(&at->counter);                                                               \
      return -EAGAIN;                                                                           \
    }                                                                                           \
    return 0;                                                                                   \
  }                                                                                             \
  MUTANT_LIVE_PATCH(pids_can_fork, mutant_can_fork)

#endif  // MUTANTS_PIDS_LIMIT_H_
