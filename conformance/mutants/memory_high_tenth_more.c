// Breaks: memory.high, a little.
// How: a group's memory.high is kept as a tenth more than was written, and shown as what was
// written.
#include <linux/cgroup.h>
#include <linux/kernfs.h>
#include <linux/kprobes.h>
#include <linux/memcontrol.h>
#include <linux/page_counter.h>
#include <linux/seq_file.h>

#include "live_patch.h"

static struct mem_cgroup* group_of(const struct kernfs_open_file* open) {
  const struct cgroup* group = open->kn->parent->priv;
  return container_of(group->subsys[memory_cgrp_id], struct mem_cgroup, css);
}

// memory_high_write(struct kernfs_open_file *, char *, size_t, loff_t)
static int entered(struct kretprobe_instance* instance, struct pt_regs* regs) {
  *(struct mem_cgroup**)instance->data = group_of((const struct kernfs_open_file*)regs->di);
  return 0;
}

static int returned(struct kretprobe_instance* instance, struct pt_regs* regs) {
  struct mem_cgroup* group = *(struct mem_cgroup**)instance->data;
  const unsigned long written = READ_ONCE(group->memory.high);
  if ((long)regs->ax > 0 && written != PAGE_COUNTER_MAX) {
    WRITE_ONCE(group->memory.high, written + written / 10);
  }
  return 0;
}

static struct kretprobe probe = {.kp.symbol_name = "memory_high_write",
                                 .entry_handler = entered,
                                 .handler = returned,
                                 .data_size = sizeof(struct mem_cgroup*),
                                 .maxactive = 64};

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
  const int error = register_kretprobe(&probe);
  return error ? error : mutant_enable(&patch);
}

module_init(mutant_init);
MODULE_INFO(livepatch, "Y");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("memory.high acts like a tenth more");
