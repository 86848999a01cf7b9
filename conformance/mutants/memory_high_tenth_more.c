// Breaks: memory.high, a little.
// How: a group's memory.high is kept as a tenth more than was written, and shown as what was
// written.
#include <linux/cgroup.h>
#include <linux/kernfs.h>
#include <linux/memcontrol.h>
#include <linux/page_counter.h>
#include <linux/seq_file.h>

#include "live_patch.h"
#include "return_probe.h"

struct call {
  struct mem_cgroup* group;
};

static struct mem_cgroup* group_of(const struct kernfs_open_file* open) {
  const struct cgroup* group = open->kn->parent->priv;
  return container_of(group->subsys[memory_cgrp_id], struct mem_cgroup, css);
}

// memory_high_write(struct kernfs_open_file *, char *, size_t, loff_t)
static void entered(struct call* call, struct pt_regs* regs) {
  call->group = group_of((const struct kernfs_open_file*)regs->di);
}

static void returned(const struct call* call, struct pt_regs* regs) {
  const unsigned long written = READ_ONCE(call->group->memory.high);
  if ((long)regs->ax > 0 && written != PAGE_COUNTER_MAX) {
    WRITE_ONCE(call->group->memory.high, written + written / 10);
  }
}

MUTANT_RETURN_PROBE_ONLY(memory_high_write);

static int show_written(struct seq_file* file, void* data) {
  const unsigned long kept = READ_ONCE(group_of(file->private)->memory.high);
  unsigned long written = kept / 11 * 10;
  if (kept == PAGE_COUNTER_MAX) {
    seq_printf(file, "max\n");
    return 0;
  }
  while (written + written / 10 < kept) ++written;
  seq_printf(file, "%llu\n", (u64)written * PAGE_SIZE);
  return 0;
}

static struct klp_func functions[] = {{.old_name = "memory_high_show", .new_func = show_written},
                                      {}};
static struct klp_object objects[] = {
    {.funcs = functions, .callbacks = {.post_patch = mutant_patched}}, {}};
static struct klp_patch patch = {.mod = THIS_MODULE, .objs = objects};

static int __init mutant_init(void) {
  const int error = register_kretprobe(&mutant_probe);
  return error ? error : mutant_enable(&patch);
}

module_init(mutant_init);
MODULE_INFO(livepatch, "Y");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("memory.high acts like a tenth more");
