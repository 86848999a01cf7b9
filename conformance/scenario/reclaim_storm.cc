// A node that is full of page cache and of memory that comes and goes: whoever asks for a page has
// to reclaim one first.
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/scenario/scenario_claims.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/request_server.h"
#include "harness/probe/scratch_file.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kNode = MiB(96);
constexpr Bytes kCache = MiB(24);
constexpr Bytes kMin = MiB(32);
constexpr Bytes kHigh = MiB(40);
constexpr Bytes kFloodFile = MiB(64);
constexpr int64_t kRequests = 600;
constexpr Bytes kStorm = kNode * 2;  // moved by the flood before the requests count

// node 96M ─┬─ burstable ── victim      memory.min 32M    24M of page cache, a request every 2 ms
//           └─ besteffort ── storm      memory.high 40M   a flood through the page cache and a hog
//                                                         that gives back and takes again
Result<capsule::Tree> PlantStorm(ArmContext& context) {
  const bool is_protected = context.Protected();
  const kubelet::Pod victim = MakePod("victim", {{.memory_request = "32Mi"}});
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    TRY(SetOnPath(plan, "victim", "memory.min", fmt::format("{}", kMin.value)));
    return SetOnPod(plan, "storm", "memory.high", fmt::format("{}", kHigh.value));
  };
  return context.Plant(MemoryNode(), {}, {victim, MakePod("storm", {{}})}, edit,
                       {.memory = kNode, .protection = is_protected ? kMin : Bytes{0}});
}

Result<results::Arm> MeasureStorm(ArmContext& context) {
  const std::filesystem::path& disk = *context.environment().scratch;
  const capsule::Tree tree = TRY(PlantStorm(context));
  const cgroup::Cgroup& group = *TRY(tree.Container("victim", "main"));
  const cgroup::Cgroup& storm = *TRY(tree.Container("storm", "main"));
  if (!group.Has("memory.pressure")) {
    return Unsupported("the kernel has no memory.pressure (CONFIG_PSI, psi=1)");
  }
  const probe::ScratchFile cached = TRY(probe::ScratchFile::Write(disk, kCache));
  const probe::ScratchFile flooded = TRY(probe::ScratchFile::Holes(disk, kFloodFile));
  probe::RequestServer server =
      TRY(probe::RequestServer::Start({.group = &group, .file = cached.path()}));
  TRY(server.AwaitFirstPass(context.patience()));
  TRY(Await(context, "requests without a storm",
            [&]() -> Result<bool> { return server.Served() >= kRequests / 4; }));
  const Nanoseconds alone = server.Percentile99(0);

  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = &storm, .target = MiB(24), .oom_score_adj = 1000, .churn = true}));
  stress::FileFlood flood = TRY(stress::FileFlood::Start(
      {.group = &storm, .file = flooded.path(), .amount = GiB(1'000), .oom_score_adj = 1000}));
  TRY(Await(context, "the storm",
            [&]() -> Result<bool> { return flood.Moved() >= kStorm || !TRY(flood.Running()); }));
  const int64_t first = server.Served();
  const int64_t slept = server.Slept();
  const auto stalled = TRY(cgroup::ReadPressure(group, "memory.pressure"));
  const int64_t refaults = TRY(Counter(group, "memory.stat", "workingset_refault_file"));
  const Nanoseconds begun = context.clock().Now();
  TRY(Await(context, "the requests", [&]() -> Result<bool> {
    return server.Served() >= first + kRequests || !TRY(server.Running());
  }));
  const Seconds took = context.clock().Now() - begun;
  const int64_t served = server.Served() - first;
  const auto stalled_after = TRY(cgroup::ReadPressure(group, "memory.pressure"));
  const auto at_most = [](std::string name, double most, double measured) {
    return measure::ExactCheck(std::move(name), {most, results::Relation::kAtMost, 0, "ratio"},
                               measured);
  };
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "memory.min 32M of the victim, memory.high 40M of the storm"
                                : "no memory.min, no memory.high");
  arm.checks = {at_most("time that the victim stalled for memory (PSI)", 0.01,
                        Seconds(stalled_after.some_total - stalled.some_total) / took),
                at_most("requests that had to sleep", 0.01,
                        static_cast<double>(server.Slept() - slept) / static_cast<double>(served)),
                CountIs("victim's refaults", 0,
                        TRY(Counter(group, "memory.stat", "workingset_refault_file")) - refaults)};
  arm.notes.push_back(fmt::format("99 % of the requests took {} at the most, {} without the storm",
                                  FormatDuration(server.Percentile99(first)),
                                  FormatDuration(alone)));
  arm.load = {{"requests", "count", static_cast<double>(kRequests), static_cast<double>(served)},
              BytesDone("flood", kStorm, flood.Moved()),
              BytesDone("hog", MiB(24), hog.TouchedInAll())};
  return arm;
}

}  // namespace

Claim ScenarioReclaimStorm() {
  return {
      .id = "scenario.reclaim-storm",
      .statement =
          "Memory QoS keeps a pod's requests out of a direct-reclaim storm: 99 % of them neither "
          "wait for the disk nor reclaim.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.min\", \"memory.high\"; KEP-2570",
      .needs = {.controllers = kMemoryControllers,
                .memory = MiB(256),
                .scratch = true,
                .realtime = true,
                .why_realtime = "its page cache needs a disk"},
      .explanation =
          {.tree = "node 96M ─┬─ burstable  ── pod victim   memory.min 32M\n"
                   "          └─ besteffort ── pod storm    memory.high 40M",
           .load =
               "The victim has 24M of page cache. Every 2 ms it serves a request: reads 64K of it, "
               "touches 256K of fresh memory and gives it back. In storm a process floods the "
               "page cache and another gives 12M back and takes them again, all the time. After "
               "192M of flood 600 requests count.",
           .expected = "The victim stalls for memory (PSI `some`) for 1 % of the time at the most, "
                       "1 % of its requests at the most sleep, none of its pages comes back from "
                       "the disk.",
           .tolerance = "1 %: the 99th percentile of requests is then one without a stall. Sleeps "
                        "and stalls are counted by the kernel, so that a host that takes the CPU "
                        "away does not show; the times are a note.",
           .control = "No memory.min and no memory.high: the node is full, and the victim has to "
                      "reclaim for the memory that it touches."},
      .measure = MeasureStorm};
}

}  // namespace nodeproof::conformance
