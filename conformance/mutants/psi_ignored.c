// Breaks: pressure stall information counts time in which tasks wait.
// How: psi_task_change() tells PSI that a task becomes runnable or stalls for memory; here it does
// not, so nobody ever waits.
#include <linux/types.h>

#include "live_patch.h"

struct task_struct;

static void tell_nothing(struct task_struct* task, int clear, int set) {}

MUTANT_LIVE_PATCH(psi_task_change, tell_nothing);
MODULE_DESCRIPTION("stalls are not counted");
