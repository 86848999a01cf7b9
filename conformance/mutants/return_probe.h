// What the kretprobes among the mutants share: something happens when a function of the kernel is
// entered, and when it returns. In effect, on every CPU, when loading the module ends.
//
//   struct call { struct task_struct* task; };  // what `entered` leaves to `returned`
//   static void entered(struct call* call, struct pt_regs* regs) { call->task = current; }
//   static void returned(const struct call* call, struct pt_regs* regs) { regs->ax = 0; }
//   MUTANT_RETURN_PROBE(some_function);
//
// Arguments are in regs->di, si, dx, cx, r8, r9, the result in regs->ax (x86-64).
#ifndef MUTANTS_RETURN_PROBE_H_
#define MUTANTS_RETURN_PROBE_H_

#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#define MUTANT_RETURN_PROBE_ONLY(function)                                                \
  static int mutant_entered(struct kretprobe_instance* instance, struct pt_regs* regs) {  \
    entered((struct call*)instance->data, regs);                                          \
    return 0;                                                                             \
  }                                                                                       \
  static int mutant_returned(struct kretprobe_instance* instance, struct pt_regs* regs) { \
    returned((const struct call*)instance->data, regs);                                   \
    return 0;                                                                             \
  }                                                                                       \
  static struct kretprobe mutant_probe = {.kp.symbol_name = #function,                    \
                                          .entry_handler = mutant_entered,                \
                                          .handler = mutant_returned,                     \
                                          .data_size = sizeof(struct call),               \
                                          .maxactive = 64}

#define MUTANT_RETURN_PROBE(function)                       \
  MUTANT_RETURN_PROBE_ONLY(function);                       \
  static int __init mutant_init(void) {                     \
    const int error = register_kretprobe(&mutant_probe);    \
    if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME); \
    return error;                                           \
  }                                                         \
  module_init(mutant_init);                                 \
  MODULE_LICENSE("GPL")

#endif  // MUTANTS_RETURN_PROBE_H_
