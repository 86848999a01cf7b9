// What memory.stat, memory.peak and memory.events say must agree with what a load did.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/stress/file_flood.h"
#include "harness/stress/slab_growth.h"
#include "harness/stress/thread_growth.h"

namespace nodeproof::conformance {
namespace {

// A tenth of each is more than the charge batches of four CPUs.
constexpr Bytes kAnon = MiB(48);
constexpr Bytes kShared = MiB(24);
constexpr int64_t kInodes = 12'000;
constexpr int kThreads = 256;
// The least that a thread's kernel stack takes: THREAD_SIZE of x86-64 and arm64.
constexpr Bytes kKernelStack = KiB(16);

Result<Bytes> SumOfParts(const cgroup::KeyedCounters& stat) {
  for (const char* part : {"anon", "file", "kernel", "sock"}) {
    if (!stat.Has(part)) return Unsupported("memory.stat has no `{}` (kernel 5.18)", part);
  }
  return Bytes{stat.Get("anon") + stat.Get("file") + stat.Get("kernel") + stat.Get("sock")};
}

// What the kernel has of a group's threads at rest: as it counts it, and as it charges it.
struct KernelParts {
  Bytes stacks{0};
  Bytes parts{0};    // stacks, page tables, per-CPU memory, slab
  Bytes charged{0};  // all that it charged
};

Result<KernelParts> AwaitKernelParts(const ArmContext& context, const cgroup::Cgroup& group,
                                     Bytes stacks) {
  KernelParts kernel;
  TRY(AwaitStat(context, [&]() -> Result<bool> {
    const cgroup::KeyedCounters stat = TRY(cgroup::ReadKeyed(group, "memory.stat"));
    kernel.stacks = Bytes{stat.Get("kernel_stack")};
    kernel.parts =
        kernel.stacks + Bytes{stat.Get("pagetables") + stat.Get("percpu") + stat.Get("slab")};
    kernel.charged = Bytes{stat.Get("kernel")};
    return kernel.stacks >= stacks && kernel.charged >= kernel.parts;
  }));
  return kernel;
}

// besteffort ─┬─ pod       48M anonymous, 24M of a file in memory, 12000 inodes, at rest
//             └─ threads   256 threads at rest
Result<results::Arm> MeasureIdentity(ArmContext& context) {
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}}), MakePod("threads", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& crew = *TRY(tree.Container("threads", "main"));
  const Fd in_memory = TRY(MemoryFile("nodeproof-shared", true));
  if (::ftruncate(in_memory.get(), kShared.value) != 0) {
    return FailErrno(errno, "size a file in memory");
  }
  stress::AnonHog hog = TRY(stress::AnonHog::Start({.group = &group, .target = kAnon}));
  stress::FileFlood writer =
      TRY(stress::FileFlood::Start({.group = &group,
                                    .kind = stress::FileFloodOptions::Kind::kWrite,
                                    .file = fmt::format("/proc/self/fd/{}", in_memory.get()),
                                    .amount = kShared}));
  stress::SlabGrowth slab = TRY(stress::SlabGrowth::Start(
      {.group = &group, .kind = stress::SlabGrowthOptions::Kind::kHeldInodes, .count = kInodes}));
  TRY(hog.AwaitFull(context.patience()));
  TRY(writer.AwaitDone(context.patience()));
  TRY(slab.AwaitDone(context.patience()));
  stress::ThreadGrowth threads =
      TRY(stress::ThreadGrowth::Start({.group = &crew, .threads = kThreads, .stack = KiB(64)}));
  TRY(threads.AwaitDone(context.patience()));

  const Bytes batches = ChargeBatches(context);
  Bytes current{0};
  Bytes sum{0};
  cgroup::KeyedCounters stat;
  TRY(AwaitStat(context, [&]() -> Result<bool> {
    stat = TRY(cgroup::ReadKeyed(group, "memory.stat"));
    sum = TRY(SumOfParts(stat));
    current = Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))};
    return std::abs((current - sum).value) <= batches.value;
  }));

  const Bytes stacks = kKernelStack * kThreads;
  const KernelParts of_threads = TRY(AwaitKernelParts(context, crew, stacks));
  results::Arm arm = DescribedArm(tree, "at rest");
  const Bytes anon{stat.Get("anon")};
  const Bytes kernel{stat.Get("kernel")};
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  arm.checks = {
      measure::ExactCheck(
          "memory.current less anon + file + kernel + sock",
          {0, results::Relation::kWithin, static_cast<double>(batches.value), "bytes"},
          static_cast<double>((current - sum).value)),
      BytesAtLeast("anon", kAnon, anon, batches),
      // Three processes beside: what a fork of the agent touches of its own.
      BytesAtMost("anon, at most", kAnon, anon, batches + MiB(1)),
      measure::ExactCheck(
          "pgfault",
          {static_cast<double>(kAnon.value) / static_cast<double>(page),
           results::Relation::kAtLeast,
           static_cast<double>(StatLag(context).value) / static_cast<double>(page), "count"},
          static_cast<double>(stat.Get("pgfault"))),
      BytesAtLeast("file (and shmem)", kShared, Bytes{stat.Get("file")}, batches),
      BytesAtMost("file, at most", kShared, Bytes{stat.Get("file")}, batches),
      BytesAtLeast("kernel", Bytes{kInodes * stress::kBytesPerHeldInode}, kernel, batches),
      BytesAtLeast("kernel_stack of the threads", stacks, of_threads.stacks, StatLag(context)),
      BytesAtLeast("kernel of the threads: stacks, page tables, per-CPU memory and slab",
                   of_threads.parts, of_threads.charged, StatLag(context))};
  arm.load = {
      BytesDone("anon hog", kAnon, hog.Touched()),
      BytesDone("writer of a file in memory", kShared, writer.Moved()),
      {"inodes held", "count", static_cast<double>(kInodes), static_cast<double>(slab.Made())},
      BytesDone("stacks of the threads", KiB(64 - 32) * kThreads, threads.Stacks())};
  return arm;
}

constexpr Bytes kPeak = MiB(64);

// besteffort ─┬─ pod        64M, then nothing
//             └─ neighbour
Result<results::Arm> MeasurePeak(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}}), MakePod("neighbour", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  if (!group.Has("memory.peak")) return Unsupported("the kernel has no memory.peak (5.19)");
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = is_protected ? &group : TRY(tree.Container("neighbour", "main")),
       .target = kPeak}));
  TRY(hog.AwaitFull(context.patience()));
  const Bytes touched = hog.Touched();
  hog.process().Kill();
  const Bytes share = KernelShare(context, kPeak);
  Bytes current{0};
  TRY(Await(context, "the hog's memory to be free", [&]() -> Result<bool> {
    current = Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))};
    return current <= share;
  }));
  const Bytes peak{TRY(cgroup::ReadNumber(group, "memory.peak"))};
  const Bytes pods{TRY(cgroup::ReadNumber(*TRY(tree.Pod("pod")), "memory.peak"))};

  results::Arm arm =
      DescribedArm(tree, is_protected ? "the hog was in the pod" : "the hog was in the neighbour");
  arm.checks = {BytesAtLeast("memory.peak of the container", kPeak, peak),
                BytesAtMost("the same, at most", kPeak, peak, share),
                BytesAtLeast("memory.peak of its pod", peak, pods),
                BytesAtMost("the same, at most", peak, pods, share),
                BytesAtMost("memory.current of the container, afterwards", share, current)};
  arm.load = {BytesDone("anon hog", kPeak, touched)};
  return arm;
}

constexpr Bytes kTarget = MiB(96);

results::Check AtLeastOne(std::string name, int64_t measured) {
  return measure::ExactCheck(std::move(name), {1, results::Relation::kAtLeast, 0, "count"},
                             static_cast<double>(measured));
}

// kubepods ── burstable ── pod 64M ─┬─ main     memory.max 32M: dies at its own limit
//                                   └─ other    no limit of its own: dies at the pod's
Result<results::Arm> MeasureEvents(ArmContext& context) {
  const bool is_protected = context.Protected();
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = true;  // one kill, one process
  const auto pods = {
      MakePod("pod", {{.memory_request = "16Mi", .memory_limit = "32Mi"},
                      {.name = "other", .memory_request = "16Mi", .memory_limit = "32Mi"}}),
      MakePod("neighbour", {{}})};
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    const std::string other = TRY(PathOfContainer(plan, "pod", "other"));
    return Override(plan, other, "memory.max", "max", "the pod's limit is met first");
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), config, pods, edit));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& other = *TRY(tree.Container("pod", "other"));
  const cgroup::Cgroup& pod = *TRY(tree.Pod("pod"));
  const cgroup::Cgroup* elsewhere = TRY(tree.Container("neighbour", "main"));
  if (!main.Has("memory.events.local")) {
    return Unsupported("the kernel has no memory.events.local (5.2)");
  }
  // One after the other; in the control arm where there is no limit.
  Bytes touched{0};
  for (const cgroup::Cgroup* group : {&main, &other}) {
    stress::AnonHog hog = TRY(stress::AnonHog::Start(
        {.group = is_protected ? group : elsewhere, .target = kTarget, .oom_score_adj = 1000}));
    TRY(Await(context, "the hog's end",
              [&]() -> Result<bool> { return hog.Touched() >= kTarget || !TRY(hog.Running()); }));
    touched = touched + hog.Touched();
  }
  const auto count = [&](const cgroup::Cgroup& group, const char* file, const char* key) {
    return Counter(group, file, key);
  };
  const cgroup::Cgroup& slice = *TRY(tree.NodeSlice());
  results::Arm arm = DescribedArm(tree, is_protected ? "a hog in each container of the pod"
                                                     : "two hogs in a pod without limits");
  arm.checks = {
      CountIs("oom_kill, main, local", 1, TRY(count(main, "memory.events.local", "oom_kill"))),
      CountIs("oom, main, local", 1, TRY(count(main, "memory.events.local", "oom"))),
      CountIs("oom_kill, other, local", 1, TRY(count(other, "memory.events.local", "oom_kill"))),
      CountIs("oom, other, local (the pod's limit)", 0,
              TRY(count(other, "memory.events.local", "oom"))),
      CountIs("oom_kill, pod, local", 0, TRY(count(pod, "memory.events.local", "oom_kill"))),
      CountIs("oom, pod, local", 1, TRY(count(pod, "memory.events.local", "oom"))),
      CountIs("oom_kill, pod, with its children", 2, TRY(count(pod, "memory.events", "oom_kill"))),
      CountIs("oom, pod, with its children", 2, TRY(count(pod, "memory.events", "oom"))),
      CountIs("oom_kill, kubepods, with its children", 2,
              TRY(count(slice, "memory.events", "oom_kill"))),
      CountIs("oom_kill, neighbour", 0, TRY(count(*elsewhere, "memory.events", "oom_kill"))),
      AtLeastOne("max, main, local", TRY(count(main, "memory.events.local", "max"))),
      AtLeastOne("max, pod, local", TRY(count(pod, "memory.events.local", "max"))),
      CountIs("max, pod: local and its children's",
              TRY(count(pod, "memory.events.local", "max")) +
                  TRY(count(main, "memory.events", "max")) +
                  TRY(count(other, "memory.events", "max")),
              TRY(count(pod, "memory.events", "max")))};
  arm.load = {BytesDone("two anon hogs", MiB(64), touched)};
  return arm;
}

}  // namespace

Claim MemoryStatIdentity() {
  return {
      .id = "memory.stat.identity",
      .statement =
          "memory.current is what memory.stat breaks it down to: anon + file + kernel + "
          "sock.",
      .source =
          "tools/testing/selftests/cgroup/test_kmem.c; "
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.stat\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod pod\n"
                   "            └─ pod threads",
           .load = "In pod 48M of anonymous memory, 24M of a file in memory and 12000 inodes, in "
                   "threads 256 threads; all at rest.",
           .expected = "The sum is memory.current, and each part is what its load made. kernel is "
                       "what kernel_stack, pagetables, percpu and slab come to, and more: what is "
                       "counted is charged. pgfault is one for each page of the anonymous memory, "
                       "which is taken in small pages, and more.",
           .tolerance = "Charged ahead: 64 pages a CPU. anon: 1M for what three processes touch of "
                        "their own. memory.stat is up to date every 2 s: the claim looks for 5 s. "
                        "The threads' parts: 128 pages a CPU that memory.stat may lag by, of the "
                        "4M and more that their stacks take; as many faults.",
           .control = ""},
      .no_control_reason = "no setting takes the identity of two counters away",
      .measure = MeasureIdentity};
}

Claim MemoryPeak() {
  return {
      .id = "memory.peak",
      .statement = "memory.peak remembers the most that a group held.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.peak\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation = {.tree = "besteffort ─┬─ pod\n"
                              "            └─ pod neighbour",
                      .load = "A hog touches 64M and ends.",
                      .expected =
                          "memory.peak of its container and pod: 64M and the kernel's share of it, "
                          "while memory.current is back to nearly nothing.",
                      .tolerance =
                          "Above: page tables, one batch of 64 pages a CPU, 1 MiB for the process.",
                      .control = "The hog runs in the neighbour: the pod's peak stays near 0."},
      .measure = MeasurePeak};
}

Claim MemoryEvents() {
  return {.id = "memory.events",
          .statement =
              "memory.events.local counts in the group whose limit or process it was, "
              "memory.events adds the children's.",
          .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.events\"",
          .needs = {.controllers = kMemoryControllers, .memory = MiB(512)},
          .explanation =
              {.tree = "burstable ── pod 64M ─┬─ main   memory.max 32M\n"
                       "                      └─ other  no limit of its own",
               .load = "A hog in main dies at main's limit; then a hog in other at the pod's.",
               .expected =
                   "oom where the limit was met (main, pod), oom_kill where the victim was (main, "
                   "other); both 2 in the pod and oom_kill 2 in kubepods with their children. "
                   "max is counted wherever a limit was met (main, pod), and that of the pod with "
                   "its children is its own and theirs.",
               .tolerance = "Events are counted: none.",
               .control = "The hogs run in a pod without limits: nothing is counted."},
          .measure = MeasureEvents};
}

}  // namespace nodeproof::conformance
