// memory.reclaim: frees what it was asked for, or says that it could not.
#include <cerrno>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/resting_victim.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kCache = MiB(64);
constexpr Bytes kAsked = MiB(32);
constexpr Bytes kNeighbours = MiB(16);

// besteffort ─┬─ pod         64M of page cache (control: of anonymous memory), at rest
//             └─ neighbour   16M of page cache, at rest
Result<results::Arm> MeasureReclaim(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}}), MakePod("neighbour", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  if (!group.Has("memory.reclaim")) return Unsupported("the kernel has no memory.reclaim (5.19)");
  RestingVictim neighbour =
      TRY(RestingVictim::Start(context, *TRY(tree.Container("neighbour", "main")), kNeighbours));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kCache));
  stress::FileFlood reader = TRY(stress::FileFlood::Start(
      {.group = &group, .file = file.path(), .amount = is_protected ? kCache : KiB(256)}));
  TRY(reader.AwaitDone(context.patience()));
  stress::AnonHog hog =
      TRY(stress::AnonHog::Start({.group = &group, .target = is_protected ? KiB(64) : kCache}));
  TRY(hog.AwaitFull(context.patience()));

  const auto current = [&] { return cgroup::ReadNumber(group, "memory.current"); };
  const Bytes before{TRY(current())};
  const Status asked = group.Write("memory.reclaim", fmt::format("{}", kAsked.value));
  const Bytes after{TRY(current())};
  // More than there is: it must say so.
  const Status too_much = group.Write("memory.reclaim", fmt::format("{}", before.value * 2));

  results::Arm arm =
      DescribedArm(tree, is_protected ? "64M of page cache" : "64M of anonymous memory, no swap");
  arm.checks = {
      BytesAtLeast("freed of 32M", kAsked, before - after, ChargeBatches(context)),
      CountIs("the write of 32M was taken", 1, asked.has_value()),
      CountIs("asking for more than there is: EAGAIN", 1,
              !too_much && too_much.error().code == EAGAIN),
      BytesAtLeast("page cache of the neighbour, afterwards", kNeighbours, TRY(neighbour.Look())),
      CountIs("oom_kill in memory.events", 0, TRY(Counter(group, "memory.events", "oom_kill")))};
  arm.notes.push_back(
      fmt::format("asked for {}, freed {}", FormatBytes(kAsked), FormatBytes(before - after)));
  arm.load = {BytesDone("in use before", kCache, before),
              BytesDone("page cache of the neighbour, before", kNeighbours, neighbour.before())};
  return arm;
}

}  // namespace

Claim MemoryReclaimKnob() {
  return {
      .id = "memory.reclaim.knob",
      .statement =
          "memory.reclaim frees what it was asked for, or answers EAGAIN; its neighbours keep "
          "theirs.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.reclaim\"",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "besteffort ─┬─ pod pod\n"
                   "            └─ pod neighbour",
           .load = "64M of page cache in pod and 16M in neighbour, at rest; pod is asked for 32M, "
                   "then for more than there is.",
           .expected = "32M are freed when the first write returns; the second fails with EAGAIN. "
                       "The neighbour's 16M stay.",
           .tolerance =
               "Less by the charge batch of each CPU (64 pages), which counts as usage and "
               "may be drained or refilled. More is allowed: \"the kernel can over or under "
               "reclaim\", before 6.8 by as much as half of what there is (commit "
               "0388536ac291); the arm's note says how much.",
           .control = "64M of anonymous memory without swap: nothing can be freed."},
      .measure = MeasureReclaim};
}

}  // namespace nodeproof::conformance
