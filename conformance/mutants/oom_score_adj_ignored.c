// Breaks: oom_score_adj decides who dies.
// How: oom_badness() weighs a process by its memory and its oom_score_adj; here by its memory
// alone. Processes that may never be killed still are not.
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "live_patch.h"

static long memory_alone(struct task_struct* task, unsigned long pages) {
  long points = LONG_MIN;
  if (is_global_init(task) || (task->flags & PF_KTHREAD)) return LONG_MIN;
  task_lock(task);
  if (task->mm && task->signal->oom_score_adj != OOM_SCORE_ADJ_MIN) {
    points = get_mm_rss(task->mm) + mm_pgtables_bytes(task->mm) / PAGE_SIZE;
  }
  task_unlock(task);
  return points;
}

MUTANT_LIVE_PATCH(oom_badness, memory_alone);
MODULE_DESCRIPTION("oom_score_adj has no effect on who is killed");
