// memory.max: page cache gives way at the limit, nobody dies for it.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/io/disk.h"
#include "harness/measure/estimate.h"
#include "harness/probe/scratch_file.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

using Kind = stress::FileFloodOptions::Kind;

constexpr Bytes kLimit = MiB(16);
constexpr Bytes kFile = MiB(48);
constexpr Bytes kAmount = kLimit * 10;

kubelet::Pod LimitedPod(std::string_view limit) {
  return MakePod("pod", {{.memory_request = limit, .memory_limit = limit}});
}

// What a flood left behind.
struct Flooded {
  Bytes moved{0};
  Bytes most{0};  // memory.current of all looks
  int64_t oom_kills = 0;
  bool done = false;
};

Result<Flooded> Watch(ArmContext& context, const cgroup::Cgroup& group, stress::FileFlood& flood,
                      Bytes amount) {
  Flooded flooded;
  TRY(Await(context, "the flood's amount", [&]() -> Result<bool> {
    flooded.most = std::max(flooded.most, Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))});
    flooded.moved = flood.Moved();
    return flooded.moved >= amount || !TRY(flood.Running());
  }));
  flooded.moved = flood.Moved();
  flooded.done = flooded.moved >= amount;
  flooded.oom_kills = TRY(Counter(group, "memory.events", "oom_kill"));
  return flooded;
}

std::filesystem::path PathOf(const Fd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

// In the control arm the file is in memory: pages that nothing can reclaim without swap.
Result<Fd> FileInMemory(Bytes size) {
  Fd fd = TRY(MemoryFile("nodeproof-flood", true));
  if (::ftruncate(fd.get(), size.value) != 0) return FailErrno(errno, "size a file in memory");
  return fd;
}

// kubepods ── burstable ── pod ── main  memory.max 16M     a reader of a 48M file, 160M in all
Result<results::Arm> MeasureReclaimed(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {LimitedPod("16Mi")}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const Fd in_memory = TRY(FileInMemory(kFile));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  stress::FileFlood flood =
      TRY(stress::FileFlood::Start({.group = &group,
                                    .kind = is_protected ? Kind::kRead : Kind::kWrite,
                                    .file = is_protected ? file.path() : PathOf(in_memory),
                                    .amount = kAmount}));
  const Flooded flooded = TRY(Watch(context, group, flood, kAmount));
  results::Arm arm = DescribedArm(tree, is_protected ? "a file on a disk" : "a file in memory");
  arm.checks = {
      CountIs("oom_kill in memory.events", 0, flooded.oom_kills),
      CountIs("floods that moved all of their 160M", 1, flooded.done),
      BytesAtMost("memory.current, most of all looks", kLimit, flooded.most,
                  ChargeBatches(context)),
      // It was the limit that made pages give way.
      BytesAtLeast("the same, at least", kLimit, flooded.most, ChargeBatches(context) + MiB(1))};
  // In the control arm it is killed once its pages and what the kernel charges beside fill the
  // limit.
  arm.load = {BytesDone("flood", is_protected ? kAmount : kLimit - KernelShare(context, kLimit),
                        flooded.moved)};
  return arm;
}

constexpr Bytes kSlowLimit = MiB(32);
constexpr Bytes kSlowDisk = MiB(5);  // a second
constexpr Bytes kThrottledAmount = kSlowLimit * 2;

// kubepods ── burstable ── pod ── main  memory.max 32M, io.max wbps 5M     a buffered writer
Result<results::Arm> MeasureNeverOom(ArmContext& context) {
  const bool is_protected = context.Protected();
  TRY(context.environment().capsule->Require("io"));
  const std::string directory = context.environment().scratch->string();
  const std::string slow =
      fmt::format("{} wbps={}", TRY(io::DiskOf(directory)).number, kSlowDisk.value);
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {LimitedPod("32Mi")}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  TRY(group.Write("io.max", slow));
  const Fd in_memory = TRY(FileInMemory(kFile));
  stress::FileFlood flood = TRY(stress::FileFlood::Start(
      {.group = &group,
       .kind = is_protected ? Kind::kWriteNew : Kind::kWrite,
       .file = is_protected ? std::filesystem::path(directory) : PathOf(in_memory),
       .amount = kThrottledAmount}));
  const Flooded flooded = TRY(Watch(context, group, flood, kThrottledAmount));
  results::Arm arm =
      DescribedArm(tree, is_protected ? "a file on a disk of 5M a second" : "a file in memory");
  arm.checks = {CountIs("oom_kill in memory.events", 0, flooded.oom_kills),
                CountIs("writers that wrote all of their 64M", 1, flooded.done),
                BytesAtMost("memory.current, most of all looks", kSlowLimit, flooded.most,
                            ChargeBatches(context))};
  arm.load = {BytesDone("writer", MiB(4), flooded.moved)};
  return arm;
}

}  // namespace

Claim MemoryMaxPageCacheReclaimed() {
  return {
      .id = "memory.max.page-cache-reclaimed",
      .statement = "A container that reads ten times its limit stays at its limit and lives.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.max\"",
      .needs = PageCacheNeeds(MiB(512)),
      .explanation =
          {.tree = "burstable ── pod ── main  memory.max 16M, no swap",
           .load = "A reader of a 48M file, over and over, 160M in all.",
           .expected = "It moves all of them, no oom_kill; memory.current is never above 16M, and "
                       "comes up to it.",
           .tolerance = "At most: a charge of 64 pages that does not fit is counted for a moment "
                        "before it is taken back, one a CPU. At least: the charge batch of each "
                        "CPU and the batch of pages that reclaim frees at once, 1 MiB.",
           .control = "The file is in memory, written: nothing to reclaim, the process is "
                      "OOM-killed."},
      .measure = MeasureReclaimed};
}

Claim MemoryMaxPageCacheNeverOom() {
  return {
      .id = "memory.max.page-cache-never-oom",
      .statement =
          "A buffered writer is never OOM-killed for its page cache, however slow the "
          "disk: it waits for writeback.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"Writeback\"; commit 1c610d5f93c7",
      .needs = PageCacheNeeds(MiB(512)),
      .explanation =
          {.tree = "burstable ── pod ── main  memory.max 32M, no swap, io.max wbps 5M",
           .load =
               "A buffered writer of a new file of 64M, on a disk that takes 5M a second from it.",
           .expected = "It writes all of them, no oom_kill; memory.current is never above 32M.",
           .tolerance = "Kills are counted: none. Usage: a charge of 64 pages that does not fit is "
                        "counted for a moment before it is taken back, one a CPU.",
           .control = "The file is in memory: nothing to write back, the process is OOM-killed."},
      .measure = MeasureNeverOom};
}

}  // namespace nodeproof::conformance
