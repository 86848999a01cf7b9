#include "conformance/memory/steps.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {

using results::Relation;

kubelet::NodeSpec MemoryNode() { return kubelet::SimpleNode(4, GiB(8).value); }

Status SetOnPod(kubelet::Plan& plan, std::string_view pod, std::string_view file,
                std::string_view value) {
  TRY(Override(plan, TRY(PathOfPod(plan, pod)), file, value, "set by the claim"));
  return Override(plan, TRY(PathOfContainer(plan, pod)), file, value, "set by the claim");
}

Status SetOnPath(kubelet::Plan& plan, std::string_view pod, std::string_view file,
                 std::string_view value) {
  TRY(SetOnPod(plan, pod, file, value));
  std::string path = ParentPath(TRY(PathOfPod(plan, pod)));
  for (; !path.empty(); path = ParentPath(path)) {
    TRY(Override(plan, path, file, value, "set by the claim"));
  }
  return {};
}

Status SetOnNodeSlice(kubelet::Plan& plan, std::string_view file, std::string_view value) {
  for (const kubelet::PlannedCgroup& slice : plan.root.children) {
    if (slice.role != kubelet::CgroupRole::kNodeSlice) continue;
    return Override(plan, std::string(slice.path), file, value, "set by the claim");
  }
  return Fail("the plan has no node slice");
}

Status Await(const ArmContext& context, std::string_view what,
             const std::function<Result<bool>()>& reached) {
  const Clock& clock = context.clock();
  const Nanoseconds deadline =
      clock.Now() + std::chrono::duration_cast<Nanoseconds>(context.patience());
  while (!TRY(reached())) {
    if (clock.Now() > deadline) {
      return std::unexpected(
          Error{fmt::format("{}: not within {}", what, FormatDuration(context.patience())), "",
                ETIMEDOUT});
    }
    clock.WaitUntil(clock.Now() + Milliseconds(5));
  }
  return {};
}

Bytes ChargeBatches(const ArmContext& context) {
  return Bytes{64 * ::sysconf(_SC_PAGESIZE)} * static_cast<int64_t>(context.online().size());
}

Bytes StatLag(const ArmContext& context) { return ChargeBatches(context) * 2; }

Status AwaitStat(const ArmContext& context, const std::function<Result<bool>()>& reached) {
  const Clock& clock = context.clock();
  const Nanoseconds deadline = clock.Now() + std::chrono::seconds(5);
  return Await(context, "memory.stat up to date",
               [&]() -> Result<bool> { return TRY(reached()) || clock.Now() > deadline; });
}

Bytes KernelShare(const ArmContext& context, Bytes pages) {
  return Bytes{pages.value / ::sysconf(_SC_PAGESIZE) * 8} + ChargeBatches(context) + MiB(1);
}

Result<int64_t> Counter(const cgroup::Cgroup& group, const std::string& file,
                        std::string_view key) {
  return TRY(cgroup::ReadKeyed(group, file)).Get(key);
}

Result<int> OomScoreAdjOf(const kubelet::Plan& plan, std::string_view pod) {
  const std::string path = TRY(PathOfContainer(plan, pod));
  std::vector<const kubelet::PlannedCgroup*> left = {&plan.root};
  while (!left.empty()) {
    const kubelet::PlannedCgroup* group = left.back();
    left.pop_back();
    if (group->path == path && group->container) return group->container->oom_score_adj;
    for (const kubelet::PlannedCgroup& child : group->children) left.push_back(&child);
  }
  return Fail("the plan has no container at {}", path);
}

Status RequireLowOomScores() {
  if (::geteuid() == 0) return {};
  return Unsupported("it sets an oom_score_adj below its own, which needs CAP_SYS_RESOURCE");
}

Result<bool> DiedOfKill(cgroup::Process& process, Seconds timeout) {
  const auto exit = process.Wait(timeout);
  if (!exit && exit.error().code == ETIMEDOUT) return false;
  return TRY(exit) == cgroup::Exit{true, SIGKILL};
}

Result<bool> KilledBefore(const ArmContext& context, stress::AnonHog& hog, Bytes target) {
  TRY(Await(context, fmt::format("the end of {}", hog.name()),
            [&]() -> Result<bool> { return hog.Touched() >= target || !TRY(hog.Running()); }));
  return DiedOfKill(hog.process(), Seconds(0));
}

results::Arm DescribedArm(const capsule::Tree& tree, std::string description) {
  results::Arm arm;
  arm.description = std::move(description);
  arm.notes = tree.discrepancies();
  arm.tree = tree.entries();
  return arm;
}

results::Check CountIs(std::string name, int64_t expected, int64_t measured) {
  return measure::ExactCheck(std::move(name),
                             {static_cast<double>(expected), Relation::kWithin, 0, "count"},
                             static_cast<double>(measured));
}

results::Check BytesAtMost(std::string name, Bytes expected, Bytes measured, Bytes tolerance) {
  return measure::ExactCheck(std::move(name),
                             {static_cast<double>(expected.value), Relation::kAtMost,
                              static_cast<double>(tolerance.value), "bytes"},
                             static_cast<double>(measured.value));
}

results::Check BytesAtLeast(std::string name, Bytes expected, Bytes measured, Bytes tolerance) {
  return measure::ExactCheck(std::move(name),
                             {static_cast<double>(expected.value), Relation::kAtLeast,
                              static_cast<double>(tolerance.value), "bytes"},
                             static_cast<double>(measured.value));
}

results::LoadProof BytesDone(std::string name, Bytes required, Bytes done) {
  return {std::move(name), "bytes", static_cast<double>(required.value),
          static_cast<double>(done.value)};
}

Needs PageCacheNeeds(Bytes memory) {
  return {.controllers = kMemoryControllers,
          .memory = memory,
          .scratch = true,
          .realtime = true,
          .why_realtime = "its page cache needs a disk"};
}

}  // namespace nodeproof::conformance
