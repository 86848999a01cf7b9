// Eviction signals and thresholds on live files.
#include "conformance/eviction/eviction_agent.h"
#include "conformance/eviction/eviction_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/scratch_file.h"
#include "harness/stress/file_flood.h"
#include "harness/stress/slab_growth.h"

namespace nodeproof::conformance {
namespace {

using Kind = kubelet::eviction::Decision::Kind;
using results::Relation;

constexpr Bytes kNode = MiB(256);

kubelet::KubeletConfiguration HardAt(std::string_view threshold) {
  kubelet::KubeletConfiguration config;
  config.eviction_hard = {{"memory.available", std::string(threshold)}};
  return config;
}

std::vector<kubelet::Pod> TwoPods() { return {MakePod("first", {{}}), MakePod("second", {{}})}; }

Result<stress::AnonHog> Fill(ArmContext& context, const capsule::Tree& tree, std::string_view pod,
                             Bytes memory) {
  stress::AnonHog hog = TRY(stress::AnonHog::Start({.name = std::string(pod),
                                                    .group = TRY(tree.Container(pod, "main")),
                                                    .target = memory,
                                                    .oom_score_adj = 1000}));
  TRY(hog.AwaitFull(context.patience()));
  return hog;
}

// What up to three processes touch of their own beside what they are asked to (their forks' stacks
// and data), and what memory.stat lags by.
Bytes Error(const ArmContext& context) { return StatLag(context) + MiB(1); }

// memory.available with `used` of a node at rest, once memory.stat is up to date.
Result<Bytes> AvailableBeside(const ArmContext& context, const EvictionAgent& agent, Bytes used) {
  Bytes available{0};
  TRY(AwaitStat(context, [&]() -> Result<bool> {
    available = TRY(agent.Available());
    return available <= kNode - used + StatLag(context) &&
           available >= kNode - used - Error(context);
  }));
  return available;
}

// node 256M ── besteffort ─┬─ first   96M anonymous, 8000 inodes: slab that the signal cannot see
//                          └─ second  then 80M: 80M are left, below the threshold of 100Mi
constexpr Bytes kFirst = MiB(96);
constexpr Bytes kSecond = MiB(80);
constexpr int64_t kInodes = 8'000;

Result<results::Arm> MeasureSignal(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, TwoPods(), {}, {.memory = kNode}));
  EvictionAgent agent =
      TRY(EvictionAgent::Create(context, tree, HardAt("100Mi"), TwoPods(), {.memory = kNode}));
  const Bytes used = is_protected ? kFirst : MiB(1);
  const stress::AnonHog first = TRY(Fill(context, tree, "first", used));
  stress::SlabGrowth slab =
      TRY(stress::SlabGrowth::Start({.group = TRY(tree.Container("first", "main")),
                                     .kind = stress::SlabGrowthOptions::Kind::kHeldInodes,
                                     .count = kInodes}));
  TRY(slab.AwaitDone(context.patience()));
  const Bytes available = TRY(AvailableBeside(context, agent, used));
  const bool early = TRY(agent.Pass()).kind != Kind::kNothing;
  const stress::AnonHog second = TRY(Fill(context, tree, "second", kSecond));
  const Bytes left = TRY(AvailableBeside(context, agent, used + kSecond));
  const auto decision = TRY(agent.Pass());

  results::Arm arm = DescribedArm(tree, is_protected ? "96M in use, then 176M" : "1M, then 81M");
  arm.checks = {
      BytesAtMost("memory.available with 96M in use", kNode - kFirst, available, StatLag(context)),
      BytesAtLeast("the same, at least", kNode - kFirst, available, Error(context)),
      CountIs("evictions above the threshold", 0, early),
      BytesAtMost("memory.available with 176M in use", kNode - kFirst - kSecond, left,
                  StatLag(context)),
      BytesAtLeast("the same, at least", kNode - kFirst - kSecond, left, Error(context)),
      CountIs("evictions below the threshold", 1, decision.kind == Kind::kEvict),
      CountIs("of the pod that uses most", 1,
              !agent.evicted().empty() && agent.evicted().front() == "first")};
  arm.notes.push_back(fmt::format(
      "{} inodes are held: their slab is in memory.current and not in the signal", slab.Made()));
  arm.load = {
      BytesDone("second", kSecond, second.Touched()),
      {"inodes held", "count", static_cast<double>(kInodes), static_cast<double>(slab.Made())}};
  return arm;
}

// node 256M ── besteffort ─┬─ first   120M: below the soft threshold of 150Mi for 2 s
//                          └─ second  1M
Result<results::Arm> MeasureSoftGrace(ArmContext& context) {
  const bool is_protected = context.Protected();
  constexpr Nanoseconds kInterval = Milliseconds(100);
  constexpr Seconds kGrace{2};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, TwoPods(), {}, {.memory = kNode}));
  kubelet::KubeletConfiguration config = HardAt(is_protected ? "50Mi" : "150Mi");
  config.eviction_soft = {{"memory.available", "150Mi"}};
  config.eviction_soft_grace_period = {{"memory.available", "2s"}};
  EvictionAgent agent =
      TRY(EvictionAgent::Create(context, tree, config, TwoPods(), {.memory = kNode}));
  const stress::AnonHog first = TRY(Fill(context, tree, "first", MiB(120)));
  const Clock& clock = context.clock();
  const Nanoseconds begun = clock.Now();
  Nanoseconds last = begun;  // when the last pass began
  for (Nanoseconds due = begun; agent.evicted().empty(); clock.WaitUntil(due += kInterval)) {
    last = clock.Now();
    if (last - begun > context.patience()) return Fail("nobody was evicted");
    TRY(agent.Pass());
  }
  const Seconds waited = last - begun;
  results::Arm arm =
      DescribedArm(tree, is_protected ? "soft threshold 150Mi, grace 2 s" : "hard threshold 150Mi");
  arm.checks = {
      measure::ExactCheck("time from the first pass to the one that evicts",
                          {kGrace.count(), Relation::kAtLeast, Seconds(kInterval).count(), "s"},
                          waited.count()),
      CountIs("evicted: the pod that uses most", 1, agent.evicted().front() == "first")};
  arm.load = {BytesDone("first", MiB(120), first.Touched())};
  return arm;
}

// node 256M ── besteffort ─┬─ first   100M: evicted, 196M are left above the threshold of 150Mi
//                          └─ second   60M: evicted too, for the 50Mi more that are to be reclaimed
Result<results::Arm> MeasureMinReclaim(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, TwoPods(), {}, {.memory = kNode}));
  kubelet::KubeletConfiguration config = HardAt("150Mi");
  if (is_protected) config.eviction_minimum_reclaim = {{"memory.available", "50Mi"}};
  EvictionAgent agent =
      TRY(EvictionAgent::Create(context, tree, config, TwoPods(), {.memory = kNode}));
  const stress::AnonHog first = TRY(Fill(context, tree, "first", MiB(100)));
  const stress::AnonHog second = TRY(Fill(context, tree, "second", MiB(60)));
  for (int pass = 0; pass < 4; ++pass) TRY(agent.Pass());
  results::Arm arm =
      DescribedArm(tree, is_protected ? "50Mi are to be reclaimed at least" : "no minimum");
  arm.checks = {CountIs("pods evicted", 2, static_cast<int64_t>(agent.evicted().size())),
                CountIs("the first: the one that uses most", 1,
                        !agent.evicted().empty() && agent.evicted().front() == "first"),
                BytesAtLeast("memory.available afterwards", MiB(200), TRY(agent.Available()))};
  arm.load = {BytesDone("first", MiB(100), first.Touched()),
              BytesDone("second", MiB(60), second.Touched())};
  return arm;
}

constexpr Bytes kCache = MiB(96);

// node 256M ── besteffort ── first   96M of page cache, in use: 160M are left, the threshold is
// 200Mi
Result<results::Arm> MeasurePageCacheFalse(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, TwoPods(), {}, {.memory = kNode}));
  const cgroup::Cgroup& group = *TRY(tree.Container("first", "main"));
  if (!group.Has("memory.reclaim")) return Unsupported("the kernel has no memory.reclaim (5.19)");
  EvictionAgent agent =
      TRY(EvictionAgent::Create(context, tree, HardAt("200Mi"), TwoPods(), {.memory = kNode}));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Holes(*context.environment().scratch, kCache));
  // Mapped and touched, then read: active with and without the multi-generational LRU.
  stress::FileFlood reader =
      TRY(stress::FileFlood::Start({.group = &group,
                                    .kind = stress::FileFloodOptions::Kind::kMap,
                                    .file = file.path(),
                                    .amount = kCache}));
  TRY(reader.AwaitDone(context.patience()));
  stress::FileFlood again =
      TRY(stress::FileFlood::Start({.group = &group,
                                    .kind = stress::FileFloodOptions::Kind::kReadTwice,
                                    .file = file.path(),
                                    .amount = kCache}));
  TRY(again.AwaitDone(context.patience()));
  const Bytes tripped = TRY(agent.Available());
  reader.process().Kill();
  again.process().Kill();
  if (is_protected) {
    // What cannot be freed in one go makes the write fail; freed is what counts.
    (void)group.Write("memory.reclaim", fmt::format("{}", kCache.value));
  }
  const Bytes cleared = TRY(agent.Available());
  const auto decision = TRY(agent.Pass());

  results::Arm arm =
      DescribedArm(tree, is_protected ? "memory.reclaim before the pass" : "no reclaim");
  arm.checks = {CountIs("evictions for page cache", 0, decision.kind == Kind::kEvict),
                BytesAtMost("memory.available with 96M of active page cache", MiB(200), tripped),
                BytesAtLeast("memory.available after memory.reclaim", MiB(200), cleared)};
  arm.load = {BytesDone("reader", kCache, reader.Moved())};
  return arm;
}

}  // namespace

Claim EvictionSignal() {
  return {
      .id = "eviction.signal",
      .statement =
          "memory.available is capacity less working set, from live files, and a hard "
          "threshold acts below it and not above.",
      .source =
          "pkg/kubelet/eviction/helpers.go, Kubernetes 1.36.2; cAdvisor (root usage = anon + "
          "file)",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node 256M ── besteffort ─┬─ pod first\n"
                   "                         └─ pod second",
           .load = "first holds 96M and 8000 inodes, then second 80M. The hard threshold is 100Mi.",
           .expected =
               "memory.available is 160M, then 80M; nobody is evicted at first, then first. "
               "The inodes' slab is not seen: the root's usage is anon + file.",
           .tolerance =
               "memory.stat lags by up to 128 pages a CPU: changes of up to 64 pages on each are "
               "not told, and as many that were told do not yet bring it up to date "
               "(memcg_rstat_updated()); it is every 2 s, so the claim looks for 5 s. 1M below for "
               "what the processes touch of their own.",
           .control = "first holds 1M: there is more available."},
      .measure = MeasureSignal};
}

Claim EvictionSoftGrace() {
  return {
      .id = "eviction.soft-grace",
      .statement = "A soft threshold evicts only once it was met for its grace period.",
      .source = "pkg/kubelet/eviction/eviction_manager.go, thresholdsMetGracePeriod()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node 256M ── besteffort ─┬─ pod first   120M\n"
                   "                         └─ pod second",
           .load = "136M are left, the soft threshold is 150Mi with a grace of 2 s; a pass every "
                   "100 ms.",
           .expected = "No eviction for 2 s; then first.",
           .tolerance =
               "One interval: a pass takes its time a moment after the claim does. However "
               "late passes are, none may evict before the grace is over.",
           .control = "A hard threshold of 150Mi: evicted at once."},
      .measure = MeasureSoftGrace};
}

Claim EvictionMinReclaim() {
  return {.id = "eviction.min-reclaim",
          .statement = "Eviction goes on until the minimum is reclaimed beyond the threshold.",
          .source = "pkg/kubelet/eviction/eviction_manager.go, thresholdsMet(…, enforceMinReclaim)",
          .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
          .explanation =
              {.tree = "node 256M ── besteffort ─┬─ pod first   100M\n"
                       "                         └─ pod second   60M",
               .load = "96M are left, the hard threshold is 150Mi, the minimum to reclaim 50Mi.",
               .expected =
                   "first is evicted, which leaves 196M: above the threshold, but not by 50Mi. So "
                   "second goes too.",
               .tolerance = "None: 196M and 200Mi differ by what is counted exactly.",
               .control = "No minimum: second stays."},
          .measure = MeasureMinReclaim};
}

Claim EvictionPageCacheFalse() {
  return {
      .id = "eviction.page-cache-false",
      .statement =
          "Active page cache alone trips memory.available, and memory.reclaim clears it "
          "before a pod is evicted for it.",
      .source = "k8s#43916; Documentation/admin-guide/cgroup-v2.rst, \"memory.reclaim\"",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "node 256M ── besteffort ─┬─ pod first\n"
                   "                         └─ pod second",
           .load =
               "A 96M file is mapped and touched, then read twice, in first. The hard threshold "
               "is 200Mi. memory.reclaim asks for 96M back.",
           .expected = "memory.available is below the threshold, although all of it could be "
                       "reclaimed; after memory.reclaim it is above, and nobody is evicted.",
           .tolerance = "None: the cache is 40M more than it takes to trip it.",
           .control = "No reclaim: the pod is evicted."},
      .measure = MeasurePageCacheFalse};
}

}  // namespace nodeproof::conformance
