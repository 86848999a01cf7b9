// Breaks: oom_score_adj decides who dies, a little.
// How: oom_badness() weighs a process by its memory and its oom_score_adj; here by half of that.
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "live_patch.h"

static long half_the_score(struct task_struct* task, unsigned long pages) {
  long points = LONG_MIN;
  const long adj = task->signal->oom_score_adj;
  if (is_global_init(task) || (task->flags & PF_KTHREAD)) return LONG_MIN;
  task_lock(task);
  if (task->mm && adj != OOM_SCORE_ADJ_MIN) {
    points = get_mm_rss(task->mm) + mm_pgtables_bytes(task->mm) / PAGE_SIZE;
    points += adj / 2 * (long)(pages / 1000);
  }
  task_unlock(task);
  return points;
}

MUTANT_LIVE_PATCH(oom_badness, half_the_score);
MODULE_DESCRIPTION("oom_score_adj counts half");
