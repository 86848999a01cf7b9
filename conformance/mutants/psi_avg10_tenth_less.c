// Breaks: avg10 of a pressure file follows what its total grows.
// How: whenever the averages are renewed, avg10 loses a tenth of what it gained.
#include <linux/cgroup.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/psi_types.h>

struct call {
  struct psi_group* group;
  unsigned long before[NR_PSI_STATES - 1];
};

// update_averages(struct psi_group *, u64 now)
static int entered(struct kretprobe_instance* instance, struct pt_regs* regs) {
  struct call* call = (struct call*)instance->data;
  call->group = (struct psi_group*)regs->di;
  for (int i = 0; i < NR_PSI_STATES - 1; ++i) call->before[i] = call->group->avg[i][0];
  return 0;
}

static int returned(struct kretprobe_instance* instance, struct pt_regs* regs) {
  const struct call* call = (const struct call*)instance->data;
  for (int i = 0; i < NR_PSI_STATES - 1; ++i) {
    unsigned long* average = &call->group->avg[i][0];
    if (*average > call->before[i]) *average -= (*average - call->before[i]) / 10;
  }
  return 0;
}

static struct kretprobe probe = {.kp.symbol_name = "update_averages",
                                 .entry_handler = entered,
                                 .handler = returned,
                                 .data_size = sizeof(struct call),
                                 .maxactive = 64};

static int __init mutant_init(void) {
  const int error = register_kretprobe(&probe);
  if (!error) pr_info("%s: in effect\n", KBUILD_MODNAME);
  return error;
}

module_init(mutant_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("avg10 of pressure files gains a tenth less");
