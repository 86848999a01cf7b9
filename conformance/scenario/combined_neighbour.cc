// A neighbour that takes CPU, memory and the disk all at once.
#include "conformance/cpu/shares.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/io/io_steps.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/scenario/scenario_claims.h"
#include "harness/measure/estimate.h"
#include "harness/probe/request_server.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

using Direction = io::IoJobOptions::Direction;
using results::Relation;

constexpr Bytes kNode = MiB(96);
constexpr Bytes kCache = MiB(24);
constexpr Bytes kMin = MiB(48);  // what the victim asks for; it uses some 28M
constexpr Bytes kChurn = MiB(24);
constexpr Bytes kFloodFile = MiB(64);
constexpr int64_t kRequests = 400;  // a little more than its whole file
constexpr int64_t kLimit = 200;     // writes a second that the neighbour may do
constexpr int kWriters = 2;
constexpr int64_t kVictimWrites = 75;  // 25 a second
// A quarter of what the neighbour's writers have under way, at its limit: 80 ms.
constexpr double kMostUsec = 1e6 * kWriters * WriteStorm::kDepth / kLimit / 4;
constexpr int kVictims = 3;  // processes of the victim

// Where the pods run: the hogs on one CPU, everything else on the others.
struct Places {
  CpuSet contested;
  CpuSet others;
};

struct Planted {
  capsule::Tree tree;
  double least_share = 0;  // of the contested CPU, for the victim
};

// The victim's share of the contested CPU at the least: its weight is spread over the CPUs that its
// processes run on, at worst alike, and the neighbour's is all there.
double LeastShare(double victim, double neighbour) {
  const double there = victim / kVictims;
  return there / (there + neighbour);
}

// node 96M ─┬─ pod victim (Guaranteed)  cpu.weight by 2 CPUs, memory.min 48M
//           │    ├─ main   24M of page cache, a request every 10 ms, 25 direct writes a second
//           │    └─ cpu    a hog on the last CPU
//           └─ besteffort  cpu.weight 1 ── pod neighbour  io.max wiops 200
//                ├─ main   a flood, an anon hog that gives back and takes again, two writers
//                └─ cpu    a hog on the same CPU
Result<Planted> PlantPods(ArmContext& context, const Places& places) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const std::vector<kubelet::Pod> pods = {
      MakePod("victim", {{.name = "main",
                          .cpu_request = "1",
                          .cpu_limit = "1",
                          .memory_request = "40Mi",
                          .memory_limit = "40Mi"},
                         {.name = "cpu",
                          .cpu_request = "1",
                          .cpu_limit = "1",
                          .memory_request = "8Mi",
                          .memory_limit = "8Mi"}}),
      MakePod("neighbour", {{.name = "main"}, {.name = "cpu"}})};
  double least_share = 0;
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    for (const kubelet::Pod& pod : pods) {
      TRY(Override(plan, TRY(PathOfContainer(plan, pod.uid)), "cpuset.cpus",
                   places.others.ToString(), "set by the claim"));
    }
    least_share = LeastShare(
        TRY(PlannedWeight(plan, TRY(PathOfPod(plan, "victim")))),
        TRY(PlannedWeight(plan, TRY(PathOfQosSlice(plan, kubelet::QosClass::kBestEffort)))));
    if (!is_protected) {
      EqualizeWeights(plan);
      return {};
    }
    TRY(SetOnPath(plan, "victim", "memory.min", fmt::format("{}", kMin.value)));
    return Override(plan, TRY(PathOfPod(plan, "neighbour")), "io.max",
                    IoMaxLine(disk, {.wiops = kLimit}), "set by the claim");
  };
  capsule::Tree tree =
      TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit,
                        {.memory = kNode, .protection = is_protected ? kMin : Bytes{0}}));
  return Planted{std::move(tree), least_share};
}

// What the neighbour does to memory and the disk.
struct Aggression {
  probe::ScratchFile flooded;
  stress::AnonHog churn;
  stress::FileFlood flood;
  WriteStorm writers;
};

// Returns when the node's memory has been turned over twice and each writer has synced.
Result<Aggression> StartAggression(ArmContext& context, const cgroup::Cgroup& group) {
  const std::filesystem::path& disk = *context.environment().scratch;
  probe::ScratchFile flooded = TRY(probe::ScratchFile::Holes(disk, kFloodFile));
  stress::AnonHog churn = TRY(stress::AnonHog::Start(
      {.group = &group, .target = kChurn, .oom_score_adj = 1000, .churn = true}));
  stress::FileFlood flood = TRY(stress::FileFlood::Start(
      {.group = &group, .file = flooded.path(), .amount = GiB(1'000), .oom_score_adj = 1000}));
  WriteStorm writers = TRY(StartWriteStorm(context, group, "writer", kWriters));
  Aggression made{std::move(flooded), std::move(churn), std::move(flood), std::move(writers)};
  TRY(Await(context, "the neighbour's storm", [&]() -> Result<bool> {
    if (!TRY(made.flood.Running())) return Fail("the neighbour's flood ended");
    return TRY(made.writers.AllSynced()) && made.flood.Moved() >= kNode * 2;
  }));
  return made;
}

// The shares of the contested CPU, by what the kernel charged and by the work that was done.
std::vector<StretchQuantity> ShareQuantities(double least) {
  const results::Expectation expected{least, Relation::kAtLeast, kShareTolerance, "ratio"};
  return {{{"the victim's share of a contested CPU, by work", expected},
           [](const Stretch& stretch) {
             const double all = stretch.rounds[0] + stretch.rounds[1];
             return all > 0 ? stretch.rounds[0] / all : 0;
           }},
          {{"the same by CPU clock", expected},
           [](const Stretch& stretch) { return stretch.ShareByUsage(0); }}};
}

Result<results::Arm> MeasureCombined(ArmContext& context) {
  const CpuSet quiet{context.QuietCpu()};
  const Places places{quiet, context.online() - quiet};
  const auto [tree, least_share] = TRY(PlantPods(context, places));
  const cgroup::Cgroup& victim = *TRY(tree.Container("victim", "main"));
  const std::filesystem::path& disk = *context.environment().scratch;
  const probe::ScratchFile cached = TRY(probe::ScratchFile::Write(disk, kCache));
  const probe::ScratchFile written = TRY(probe::ScratchFile::Write(disk, MiB(4)));
  probe::RequestServer server = TRY(probe::RequestServer::Start(
      {.group = &victim, .file = cached.path(), .interval = Milliseconds(10), .fresh = KiB(64)}));
  TRY(server.AwaitFirstPass(context.patience()));
  const int64_t refaults = TRY(Counter(victim, "memory.stat", "workingset_refault_file"));

  Aggression aggression = TRY(StartAggression(context, *TRY(tree.Container("neighbour", "main"))));
  Contest contest = TRY(
      Contest::Start(context, places.contested,
                     {{.name = "victim", .runs_in = TRY(tree.Container("victim", "cpu"))},
                      {.name = "neighbour", .runs_in = TRY(tree.Container("neighbour", "cpu"))}}));
  io::IoJob writes = TRY(io::IoJob::Start({.name = "victim",
                                           .group = &victim,
                                           .file = written.path(),
                                           .direction = Direction::kWrite,
                                           .random = true,
                                           .block = WriteStorm::kBlock,
                                           // A late write does not hold the next one up.
                                           .depth = 64,
                                           .rate = 25,
                                           .seed = context.random()()}));
  const int64_t blocks = aggression.writers.Blocks();
  const Bytes flooded = aggression.flood.Moved();
  // A victim that has lost its page cache is slow: the control arm shows that by a few requests.
  const int64_t requests = context.Protected() ? kRequests : kRequests / 8;
  const int64_t first = server.Served();
  const Nanoseconds begun = context.clock().Now();
  std::vector<results::Check> checks = TRY(contest.Measure(ShareQuantities(least_share)));
  TRY(Await(context, "the victim's requests and writes", [&]() -> Result<bool> {
    TRY(writes.Check());
    if (!TRY(server.Running())) return Fail("the victim's server ended");
    return server.Served() >= first + requests && writes.Mark().blocks >= kVictimWrites;
  }));
  const Seconds took = context.clock().Now() - begun;
  const auto allowed = static_cast<double>(kLimit) * took.count();
  const auto stormed = static_cast<double>(aggression.writers.Blocks() - blocks);
  TRY(aggression.writers.Check());

  const auto p90_usec = Seconds(writes.Latency().Percentile(0.9)).count() * 1e6;
  checks.push_back(
      CountIs("victim's refaults", 0,
              TRY(Counter(victim, "memory.stat", "workingset_refault_file")) - refaults));
  checks.push_back(BytesAtLeast("victim's page cache", kCache,
                                Bytes{TRY(Counter(victim, "memory.stat", "file"))},
                                StatLag(context)));
  checks.push_back(measure::ExactCheck("latency that nine of ten of the victim's writes keep (p90)",
                                       {0, Relation::kAtMost, kMostUsec, "usec"}, p90_usec));
  checks.push_back(
      measure::ExactCheck("blocks that the neighbour wrote",
                          {allowed, Relation::kAtMost,
                           0.05 * allowed + 0.1 * kLimit + kWriters * WriteStorm::kDepth, "count"},
                          stormed));
  results::Arm arm = TRY(contest.Report(
      context.Protected() ? "weights by request, memory.min 48M of the victim, io.max wiops 200 of "
                            "the neighbour"
                          : "equal weights, no memory.min, no io.max",
      tree, std::move(checks), Contest::Capacity::kJudged));
  // Interrupts and kernel threads of the disk may have much of the CPU, on a slow guest.
  arm.load.push_back(
      {"both hogs", "usec", 0.25e6 * contest.whole().wall.count(), contest.whole().TotalUsage()});
  arm.notes.push_back(fmt::format(
      "99 % of the victim's requests took {} at the most; its writes: p90 {:.0f} us; the neighbour "
      "wrote {:.0f} blocks a second",
      FormatDuration(server.Percentile99(first)), p90_usec, stormed / took.count()));
  arm.load.push_back({"victim's requests", "count", static_cast<double>(requests),
                      static_cast<double>(server.Served() - first)});
  arm.load.push_back({"victim's writes", "count", static_cast<double>(kVictimWrites),
                      static_cast<double>(writes.Mark().blocks)});
  arm.load.push_back({"neighbour's writes", "count", allowed / 2, stormed});
  // Its share of memory is taken before the CPUs are contested, and the flood goes on meanwhile.
  arm.load.push_back(BytesDone("neighbour's flood before", kNode * 2, flooded));
  arm.load.push_back(
      BytesDone("neighbour's flood meanwhile", MiB(8), aggression.flood.Moved() - flooded));
  arm.load.push_back(BytesDone("neighbour's anon memory", kChurn, aggression.churn.TouchedInAll()));
  return arm;
}

}  // namespace

Claim ScenarioCombinedNeighbour() {
  Needs needs = IoNeeds();
  needs.cpus = 2;
  return {
      .id = "scenario.combined-neighbour",
      .statement =
          "A Guaranteed pod keeps its CPU share, its page cache and its disk latency beside a "
          "BestEffort pod that takes CPU, memory and the disk all at once.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\", \"memory.min\", \"io.max\"; "
          "KEP-2570",
      .needs = std::move(needs),
      .explanation =
          {.tree = "node 96M ─┬─ pod victim (Guaranteed)   cpu.weight by 2 CPUs, memory.min 48M\n"
                   "          └─ besteffort  cpu.weight 1 ── pod neighbour   io.max wiops=200",
           .load =
               "On the last CPU a hog of each pod. On the others the neighbour floods the page "
               "cache, takes 24M of anonymous memory, gives half back and takes it again, and two "
               "processes write blocks of 4 KiB in random order, 32 under way and an fsync after "
               "every 32. There the victim has 24M of page cache, reads 64K of it every 10 ms "
               "(400 requests) and writes a block 25 times a second. Shares count once the flood "
               "has moved 192M and each writer has synced.",
           .expected =
               "The victim's hog does its share of both hogs' work, by the weights: at least a "
               "third of the victim's weight w against the neighbour's 1, (w / 3) / (w / 3 + 1), "
               "because its three processes may spread it over as many CPUs. No page of its cache "
               "is lost or comes back from the disk. Nine of ten of its writes take no longer "
               "than a quarter of what the neighbour has under way takes at its limit. The "
               "neighbour writes no more than that limit.",
           .tolerance =
               "Share: 0.01, as of all weights (cpu.weight.siblings). Page cache: what memory.stat "
               "lags behind; refaults: none. Writes: 80 ms, while the disk does one in a few. The "
               "neighbour's: 5 %, one slice of 100 ms and what was under way.",
           .control = "All weights alike, no memory.min and no io.max: the victim has between a "
                      "third and five sixths of the CPU."},
      .measure = MeasureCombined};
}

}  // namespace nodeproof::conformance
