// Breaks: memory that is bound to NUMA nodes comes from there.
// How: policy_nodemask() tells the allocator which nodes a policy allows; for MPOL_BIND all.
#include <linux/kprobes.h>
#include <linux/mempolicy.h>
#include <linux/module.h>

// policy_nodemask(gfp_t, struct mempolicy *, pgoff_t, int *node)
static int entered(struct kretprobe_instance* instance, struct pt_regs* regs) {
  return ((const struct mempolicy*)regs->si)->mode == MPOL_BIND ? 0 : 1;
}

static int returned(struct kretprobe_instance* instance, struct pt_regs* regs) {
  regs->ax = 0;
  return 0;
}

static struct kretprobe probe = {.kp.symbol_name = "policy_nodemask",
                                 .entry_handler = entered,
                                 .handler = returned,
                                 .maxactive = 64};

static int __init mutant_init(void) {
  const int error = register_kretprobe(&probe);
  if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);
  return error;
}

module_init(mutant_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("MPOL_BIND has no effect");
