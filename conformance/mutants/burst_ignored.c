// Breaks: cpu.max.burst lets a group use quota that it saved.
// How: whatever burst is asked for, the bandwidth of the group is set with none. Quotas and periods
// are set as they should be.
#include "argument_probe.h"

// tg_set_cfs_bandwidth(struct task_group *, u64 period, u64 quota, u64 burst)
static void without_burst(struct pt_regs* regs) { regs->cx = 0; }

MUTANT_ARGUMENT_PROBE(tg_set_cfs_bandwidth, without_burst);
MODULE_DESCRIPTION("cpu.max.burst has no effect");
