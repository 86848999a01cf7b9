// What the mutants of pressure totals share: of what a group's totals grow whenever they are
// brought up to date, a tenth is lost.
//
//   MUTANT_PSI_TOTALS(PSI_MEM_SOME, PSI_MEM_FULL);  // first and last state
#ifndef MUTANTS_PSI_TOTALS_H_
#define MUTANTS_PSI_TOTALS_H_

#include <linux/cgroup.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/psi_types.h>

struct mutant_call {
  struct psi_group* group;
  enum psi_aggregators aggregator;
  u64 before[NR_PSI_STATES - 1];
};

// collect_percpu_times(struct psi_group *, enum psi_aggregators, u32 *changed)
static int mutant_entered(struct kretprobe_instance* instance, struct pt_regs* regs) {
  struct mutant_call* call = (struct mutant_call*)instance->data;
  call->group = (struct psi_group*)regs->di;
  call->aggregator = regs->si;
  memcpy(call->before, call->group->total[call->aggregator], sizeof(call->before));
  return 0;
}

static void mutant_lose(const struct mutant_call* call, int first, int last) {
  u64* total = call->group->total[call->aggregator];
  for (int i = first; i <= last; ++i) total[i] -= (total[i] - call->before[i]) / 10;
}

#define MUTANT_PSI_TOTALS(first, last)                                                    \
  static int mutant_returned(struct kretprobe_instance* instance, struct pt_regs* regs) { \
    mutant_lose((const struct mutant_call*)instance->data, first, last);                  \
    return 0;                                                                             \
  }                                                                                       \
  static struct kretprobe mutant_probe = {.kp.symbol_name = "collect_percpu_times",       \
                                          .entry_handler = mutant_entered,                \
                                          .handler = mutant_returned,                     \
                                          .data_size = sizeof(struct mutant_call),        \
                                          .maxactive = 64};                               \
  static int __init mutant_init(void) {                                                   \
    const int error = register_kretprobe(&mutant_probe);                                  \
    if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);                               \
    return error;                                                                         \
  }                                                                                       \
  module_init(mutant_init);                                                               \
  MODULE_LICENSE("GPL")

#endif  // MUTANTS_PSI_TOTALS_H_
