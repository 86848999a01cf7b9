// What page cache counts as: in the kubelet's working set, against its writer, and against a
// Guaranteed pod's own limit.
#include <sys/stat.h>

#include <algorithm>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/kubelet/eviction/signals.h"
#include "harness/measure/estimate.h"
#include "harness/probe/scratch_file.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

// What the kernel charges besides for each page of cache of an ext4 file: a buffer head of 104
// bytes (fs/buffer.c) and a 64th of an xarray node of 576.
Bytes CacheSlabs(Bytes cached) { return Bytes{cached.value / 4096 * (104 + 9)}; }

using Kind = stress::FileFloodOptions::Kind;

constexpr Bytes kCache = MiB(48);

// With the multi-generational LRU a page read again through read(2) stays where it is until it is
// aged, while one that is mapped counts as active from its first use (mm/swap.c, folio_add_lru());
// without, the second read(2) makes a page active (mark_page_accessed()).
bool UsesGenerations() {
  const auto enabled = ReadFile("/sys/kernel/mm/lru_gen/enabled");
  return enabled && Trim(*enabled) != "0x0000";
}

// besteffort ── pod ── main    a 48M file, read once (control: used so that it counts as active)
Result<results::Arm> MeasureWorkingSet(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kCache));
  const Kind active = UsesGenerations() ? Kind::kMap : Kind::kReadTwice;
  stress::FileFlood reader =
      TRY(stress::FileFlood::Start({.group = &group,
                                    .kind = is_protected ? Kind::kRead : active,
                                    .file = file.path(),
                                    .amount = kCache}));
  TRY(reader.AwaitDone(context.patience()));
  const Bytes lag = ChargeBatches(context);
  cgroup::KeyedCounters stat;
  TRY(AwaitStat(context, [&]() -> Result<bool> {
    stat = TRY(cgroup::ReadKeyed(group, "memory.stat"));
    return Bytes{stat.Get("file")} >= kCache - KiB(64);
  }));
  const Bytes usage{TRY(cgroup::ReadNumber(group, "memory.current"))};
  const Bytes working_set{kubelet::eviction::WorkingSet(usage.value, stat.Get("inactive_file"))};

  results::Arm arm = DescribedArm(
      tree,
      is_protected ? "read once" : (active == Kind::kMap ? "mapped and touched" : "read twice"));
  arm.checks = {
      BytesAtMost("working set (memory.current - inactive_file)", MiB(1), working_set, lag * 2),
      BytesAtLeast("memory.current", kCache, usage),
      // Too much of it would only make the working set 0.
      BytesAtMost("inactive_file", kCache, Bytes{stat.Get("inactive_file")}, lag)};
  arm.notes.push_back(fmt::format("active_file {}, inactive_file {}",
                                  FormatBytes(Bytes{stat.Get("active_file")}),
                                  FormatBytes(Bytes{stat.Get("inactive_file")})));
  arm.load = {BytesDone("reader", kCache, reader.Moved())};
  return arm;
}

constexpr Bytes kWritten = MiB(32);

// Bytes written by `group` as io.stat counts them, on all disks.
Result<Bytes> WrittenBy(const cgroup::Cgroup& group) {
  const std::string stat = TRY(group.Read("io.stat"));
  int64_t sum = 0;
  for (const std::string_view word : Words(stat)) {
    if (word.starts_with("wbytes=")) sum += TRY(ParseInt(word.substr(7)));
  }
  return Bytes{sum};
}

// besteffort ─┬─ writer      32M, buffered, then fsync
//             └─ neighbour   a process at rest
Result<results::Arm> MeasureAttribution(ArmContext& context) {
  const bool is_protected = context.Protected();
  TRY(context.environment().capsule->Require("io"));
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("writer", {{}}), MakePod("neighbour", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("writer", "main"));
  const cgroup::Cgroup& neighbour = *TRY(tree.Container("neighbour", "main"));
  stress::AnonHog beside =
      TRY(stress::AnonHog::Start({.name = "neighbour", .group = &neighbour, .target = MiB(1)}));
  TRY(beside.AwaitFull(context.patience()));
  const Bytes neighbour_before{TRY(cgroup::ReadNumber(neighbour, "memory.current"))};
  stress::FileFlood writer =
      TRY(stress::FileFlood::Start({.group = is_protected ? &group : &neighbour,
                                    .kind = Kind::kWriteNew,
                                    .file = *context.environment().scratch,
                                    .amount = kWritten,
                                    .sync = true}));
  TRY(writer.AwaitDone(context.patience()));

  results::Arm arm = DescribedArm(
      tree, is_protected ? "the writer is in its own pod" : "the writer is in the neighbour");
  const Bytes usage{TRY(cgroup::ReadNumber(group, "memory.current"))};
  const Bytes neighbours{TRY(cgroup::ReadNumber(neighbour, "memory.current"))};
  arm.checks = {BytesAtLeast("io.stat wbytes of the writer", kWritten, TRY(WrittenBy(group))),
                BytesAtMost("the same, at most", kWritten, TRY(WrittenBy(group)), MiB(1)),
                BytesAtLeast("memory.current of the writer", kWritten, usage),
                BytesAtMost("the same, at most", kWritten, usage,
                            KernelShare(context, kWritten) + CacheSlabs(kWritten)),
                BytesAtMost("io.stat wbytes of the neighbour", Bytes{0}, TRY(WrittenBy(neighbour))),
                BytesAtMost("memory.current that the neighbour gained", Bytes{0},
                            neighbours - neighbour_before, ChargeBatches(context))};
  arm.load = {BytesDone("writer", kWritten, writer.Moved())};
  return arm;
}

constexpr Bytes kGuaranteed = MiB(32);
constexpr Bytes kRead = kGuaranteed * 4;

// node ── kubepods ── pod   memory.min = memory.max = 32M ── main  the same     reads a file of
// 128M that has no
//     block on the disk
Result<results::Arm> MeasureGuaranteed(ArmContext& context) {
  const bool is_protected = context.Protected();
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = true;  // one kill, one process
  TRY(config.feature_gates.Set(kubelet::kMemoryQoS, true));
  if (is_protected) {
    config.memory_reservation_policy = kubelet::MemoryReservationPolicy::kTieredReservation;
  }
  const kubelet::Pod pod = MakePod("pod", {{.cpu_request = "500m",
                                            .cpu_limit = "500m",
                                            .memory_request = "32Mi",
                                            .memory_limit = "32Mi"}});
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), config, {pod}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Holes(*context.environment().scratch, kRead));
  stress::FileFlood reader =
      TRY(stress::FileFlood::Start({.group = &group, .file = file.path(), .amount = kRead}));
  TRY(Await(context, "the reader's end", [&]() -> Result<bool> {
    return reader.Moved() >= kRead || !TRY(reader.Running()) ||
           TRY(Counter(group, "memory.events", "oom_kill")) > 0;
  }));
  results::Arm arm = DescribedArm(
      tree, is_protected ? "memory.min = memory.max = 32M" : "memory.min 0, memory.max 32M");
  arm.checks = {
      CountIs("oom_kill in memory.events", 1, TRY(Counter(group, "memory.events", "oom_kill"))),
      BytesAtMost("read by then", kGuaranteed, reader.Moved(), KiB(256))};
  arm.notes.push_back(fmt::format("memory.current of the pod {}, of its container {}",
                                  TRY(cgroup::ReadNumber(*TRY(tree.Pod("pod")), "memory.current")),
                                  TRY(cgroup::ReadNumber(group, "memory.current"))));
  arm.load = {BytesDone("reader", MiB(16), reader.Moved())};
  return arm;
}

}  // namespace

Claim MemoryWorkingSet() {
  return {
      .id = "memory.working-set",
      .statement =
          "Page cache that was used once is not in the working set by which the kubelet "
          "evicts.",
      .source =
          "Kubernetes 1.36, cAdvisor: working set = memory.current - inactive_file; k8s#43916",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "besteffort ── pod ── main",
           .load = "A process reads a 48M file once.",
           .expected = "memory.current is 48M and more, the working set 1M at most, inactive_file "
                       "48M at most.",
           .tolerance = "1M for the process itself; memory.stat lags by up to 64 pages a CPU, and "
                        "as much may be charged ahead.",
           .control = "The file is used so that it counts as active: read twice, or, where the "
                      "kernel has the multi-generational LRU on, mapped and touched. Then all 48M "
                      "are in the working set, although they could be reclaimed."},
      .measure = MeasureWorkingSet};
}

Claim MemoryWritebackAttribution() {
  return {
      .id = "memory.writeback-attribution",
      .statement = "Dirty pages and their writeback are charged to the writer.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"Writeback\"",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "besteffort ─┬─ pod writer\n"
                   "            └─ pod neighbour",
           .load = "A process of writer writes a new file of 32M, buffered, and calls fsync.",
           .expected = "io.stat of its container counts 32M written, memory.current 32M of page "
                       "cache; the neighbour's count nothing.",
           .tolerance = "Bytes written: 1M for the file system's own blocks. Memory: the kernel's "
                        "share (batches, 1 MiB for the process), and what the kernel keeps for "
                        "each page of a "
                        "file: a buffer head (104 bytes) and its part of an xarray node (9 bytes).",
           .control = "The writer is in the neighbour."},
      .measure = MeasureAttribution};
}

Claim MemoryMinGuaranteedPageCache() {
  return {.id = "memory.min.guaranteed-page-cache",
          .statement =
              "A Guaranteed pod whose memory.min is its memory.max cannot reclaim its own page "
              "cache: it is OOM-killed for it, as KEP-2570 says.",
          .source = "KEP-2570; Documentation/admin-guide/cgroup-v2.rst, \"memory.min\"",
          .needs = PageCacheNeeds(MiB(256)),
          .explanation =
              {.tree = "kubepods ── pod   memory.min = memory.max = 32M (TieredReservation)\n"
                       "             └─ main  memory.min = memory.max = 32M",
               .load = "A process reads a 128M file.",
               .expected =
                   "It is OOM-killed before it has read more than 32M. Sources conflict: a group "
                   "whose own limit is met is not protected from itself, so the container alone "
                   "would reclaim. But the pod is charged for its container's kernel objects "
                   "beside, so the pod's limit is met first; then the container's memory.min "
                   "holds all of its page cache.",
               .tolerance = "Kills are counted: none. One read of 256K may be under way.",
               .control = "Policy None, memory.min 0: it reads all 128M and lives."},
          .measure = MeasureGuaranteed};
}

}  // namespace nodeproof::conformance
