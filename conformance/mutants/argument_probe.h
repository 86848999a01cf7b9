// What the kprobes among the mutants share: a function of the kernel gets other arguments than its
// caller passed. In effect, on every CPU, when loading the module ends.
//
//   static void rewrite(struct pt_regs *regs) { regs->si /= 2; }  // the second argument
//   MUTANT_ARGUMENT_PROBE(some_function, rewrite);
//
// Arguments are in regs->di, si, dx, cx, r8, r9 (x86-64). A rewrite that sets regs->ip sends the
// call to another function instead.
#ifndef MUTANTS_ARGUMENT_PROBE_H_
#define MUTANTS_ARGUMENT_PROBE_H_

#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#define MUTANT_ARGUMENT_PROBE(function, rewrite)                                                 \
  static int mutant_entered(struct kprobe* probe, struct pt_regs* regs) {                        \
    const unsigned long ip = regs->ip;                                                           \
    rewrite(regs);                                                                               \
    return regs->ip != ip;                                                                       \
  }                                                                                              \
  static struct kprobe mutant_probe = {.symbol_name = #function, .pre_handler = mutant_entered}; \
  static int __init mutant_init(void) {                                                          \
    const int error = register_kprobe(&mutant_probe);                                            \
    if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);                                      \
    return error;                                                                                \
  }                                                                                              \
  module_init(mutant_init);                                                                      \
  MODULE_LICENSE("GPL")

#endif  // MUTANTS_ARGUMENT_PROBE_H_
