// What the mutants share that show the contents of one file in place of another's: a function of
// the kernel is called in place of another one. In effect when loading the module ends.
//
//   MUTANT_SHOW_INSTEAD(hugetlb_events_show, hugetlb_events_local_show);
#ifndef MUTANTS_SHOW_INSTEAD_H_
#define MUTANTS_SHOW_INSTEAD_H_

#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static unsigned long mutant_other;

static int mutant_entered(struct kprobe* probe, struct pt_regs* regs) {
  regs->ip = mutant_other;
  return 1;
}

// Modules may not ask where a function is; a probe that stands there knows.
static int mutant_find(const char* function) {
  struct kprobe there = {.symbol_name = function};
  const int error = register_kprobe(&there);
  if (error) return error;
  mutant_other = (unsigned long)there.addr;
  unregister_kprobe(&there);
  return 0;
}

#define MUTANT_SHOW_INSTEAD(function, other)                                                     \
  static struct kprobe mutant_probe = {.symbol_name = #function, .pre_handler = mutant_entered}; \
  static int __init mutant_init(void) {                                                          \
    int error = mutant_find(#other);                                                             \
    if (!error) error = register_kprobe(&mutant_probe);                                          \
    if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);                                      \
    return error;                                                                                \
  }                                                                                              \
  module_init(mutant_init);                                                                      \
  MODULE_LICENSE("GPL")

#endif  // MUTANTS_SHOW_INSTEAD_H_
