// CLONE_INTO_CGROUP: a process that is born in a group is charged there from its first page.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "conformance/cgroup/cgroup_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/base/shared.h"
#include "harness/cgroup/stats.h"
#include "harness/cgroup/worker.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kTouched = MiB(8);

struct Birth {
  std::atomic<int> moved_to{0};  // its group, as /proc/self/cgroup said: 1 the pod, 2 another
  std::atomic<int64_t> touched{0};
};

bool StandsIn(std::string_view name) {
  const auto own = ReadFile("/proc/self/cgroup");
  return own && own->find(name) != std::string::npos;
}

int TouchMemory(Birth& birth, const cgroup::ReadySignal& ready, const std::string& group) {
  birth.moved_to = StandsIn(group) ? 1 : 2;
  const auto size = static_cast<size_t>(kTouched.value);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  for (size_t at = 0; at < size; at += page) static_cast<volatile char*>(memory)[at] = 1;
  birth.touched = kTouched.value;
  ready.Notify();
  for (;;) ::pause();
}

Result<Bytes> Anon(const cgroup::Cgroup& group) {
  return Bytes{TRY(Counter(group, "memory.stat", "anon"))};
}

// besteffort ─┬─ runtime    the parent, as a container runtime's shim
//             └─ pod        its child, which touches 8M
Result<results::Arm> MeasureBornInside(ArmContext& context) {
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {}, {MakePod("runtime", {{}}), MakePod("pod", {{.name = "inside"}})}));
  const cgroup::Cgroup& runtime = *TRY(tree.Container("runtime", "main"));
  const cgroup::Cgroup& inside = *TRY(tree.Container("pod", "inside"));
  const Bytes runtime_before = TRY(Anon(runtime));
  using Child = cgroup::Worker<Birth>;
  // In the control arm the child is born beside its parent and moved when it has its memory.
  Child child =
      TRY(Child::Start({.name = "born", .group = context.Protected() ? &inside : &runtime},
                       [&](Birth& birth, const cgroup::ReadySignal& ready) {
                         return TouchMemory(birth, ready, inside.Name());
                       }));
  TRY(child.AwaitReady(context.patience()));
  if (!context.Protected()) {
    TRY(inside.Write("cgroup.procs", fmt::format("{}", child.process().pid())));
  }
  // memory.stat is flushed when it is read, but for a batch a CPU.
  const Bytes slack = ChargeBatches(context);
  const Bytes charged = TRY(Anon(inside));
  const Bytes beside = TRY(Anon(runtime)) - runtime_before;
  const int64_t tasks = TRY(cgroup::ReadNumber(inside, "pids.current"));
  // Its clock first: the child may still be on its way to rest, and the group is charged with it.
  const auto child_used = TRY(child.process().CpuTime());
  const auto used = TRY(cgroup::ReadCpuStat(inside)).usage;

  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "born in the pod's group" : "born beside its parent, then moved");
  arm.checks = {
      BytesAtLeast("anon of the group", kTouched, charged, slack),
      BytesAtMost("anon of the parent's group, more than before", {}, beside, slack),
      CountIs("processes that found themselves in the group first of all", 1,
              child.counters().moved_to == 1),
      CountIs("pids.current of the group", 1, tasks),
      CountIs("CPU time that the child was charged and the group was not (ms)", 0,
              std::max<int64_t>(
                  0, std::chrono::duration_cast<Milliseconds>(child_used - used).count()))};
  arm.load = {BytesDone("child", kTouched, Bytes{child.counters().touched})};
  return arm;
}

}  // namespace

Claim CgroupBornInside() {
  return {
      .id = "cgroup.born-inside",
      .statement =
          "A process that is born in a group is charged there from its first page and its "
          "first microsecond.",
      .source =
          "clone(2), CLONE_INTO_CGROUP; Documentation/admin-guide/cgroup-v2.rst, \"Memory "
          "Ownership\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod runtime\n"
                   "            └─ pod pod ── inside",
           .load = "A process is born in inside (clone3 with CLONE_INTO_CGROUP) and touches 8M.",
           .expected = "It finds itself in inside, whose anon holds the 8M; that of runtime does "
                       "not grow. pids.current of inside is 1, and its CPU time no less than the "
                       "process's.",
           .tolerance = "memory.stat lags by up to 64 pages a CPU. CPU times are compared in whole "
                        "milliseconds: what runs is charged at the tick or when it stops.",
           .control = "It is born in runtime and moved once it has its memory, as runtimes without "
                      "CLONE_INTO_CGROUP do: the 8M stay with runtime."},
      .measure = MeasureBornInside};
}

}  // namespace nodeproof::conformance
