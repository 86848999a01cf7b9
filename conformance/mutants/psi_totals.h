// What the mutants of pressure totals share: of what a group's totals grow whenever they are
// brought up to date, a tenth is lost.
//
//   MUTANT_PSI_TOTALS(PSI_MEM_SOME, PSI_MEM_FULL);  // first and last state
#ifndef MUTANTS_PSI_TOTALS_H_
#define MUTANTS_PSI_TOTALS_H_

#include <linux/cgroup.h>
#include <linux/psi_types.h>

#include "return_probe.h"

struct call {
  struct psi_group* group;
  enum psi_aggregators aggregator;
  u64 before[NR_PSI_STATES - 1];
};

// collect_percpu_times(struct psi_group *, enum psi_aggregators, u32 *changed)
static void entered(struct call* call, struct pt_regs* regs) {
  call->group = (struct psi_group*)regs->di;
  call->aggregator = regs->si;
  memcpy(call->before, call->group->total[call->aggregator], sizeof(call->before));
}

static void lose(const struct call* call, int first, int last) {
  u64* total = call->group->total[call->aggregator];
  for (int i = first; i <= last; ++i) total[i] -= (total[i] - call->before[i]) / 10;
}

#define MUTANT_PSI_TOTALS(first, last)                                                             \
  static void returned(const struct call* call, struct pt_regs* regs) { lose(call, first, last); } \
  MUTANT_RETURN_PROBE(collect_percpu_times)

#endif  // MUTANTS_PSI_TOTALS_H_
