// What the live patches among the mutants share: one function of the kernel is replaced by one of
// the module's, and loading the module ends only when every task runs the replacement.
//
//   MUTANT_LIVE_PATCH(update_cfs_group, without_weights);
#ifndef MUTANTS_LIVE_PATCH_H_
#define MUTANTS_LIVE_PATCH_H_

#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/panic.h>

static DECLARE_COMPLETION(mutant_effective);

// The kernel calls this when the last task has left the old function
// (Documentation/livepatch/callbacks.rst).
static void mutant_patched(struct klp_object* object) { complete_all(&mutant_effective); }

// Tasks change over one by one: sleeping ones are looked at by a work item of the kernel, running
// ones change on their way to user space, the loading task's own stack is free of the patched
// function. None of that needs a lock which is held here, so waiting cannot deadlock. A patch that
// is enabled cannot be taken back by failing, and a run on a half-changed kernel would mislead:
// if the change never completes the guest ends, which nodeproof reports as an error.
static int mutant_enable(struct klp_patch* patch) {
  const int error = klp_enable_patch(patch);
  if (error) return error;
  if (!wait_for_completion_timeout(&mutant_effective, 60 * HZ)) {
    panic("%s: the live patch did not take effect within 60 s\n", KBUILD_MODNAME);
  }
  pr_info("%s: in effect\n", KBUILD_MODNAME);
  return 0;
}

// Several functions, each as {.old_name = "f", .new_func = g}.
#define MUTANT_LIVE_PATCHES(...)                                                       \
  static struct klp_func mutant_functions[] = {__VA_ARGS__, {}};                       \
  static struct klp_object mutant_objects[] = {                                        \
      {.funcs = mutant_functions, .callbacks = {.post_patch = mutant_patched}}, {}};   \
  static struct klp_patch mutant_patch = {.mod = THIS_MODULE, .objs = mutant_objects}; \
  static int __init mutant_init(void) { return mutant_enable(&mutant_patch); }         \
  module_init(mutant_init);                                                            \
  MODULE_INFO(livepatch, "Y");                                                         \
  MODULE_LICENSE("GPL")

#define MUTANT_LIVE_PATCH(function, replacement) \
  MUTANT_LIVE_PATCHES({.old_name = #function, .new_func = (replacement)})

#endif  // MUTANTS_LIVE_PATCH_H_
