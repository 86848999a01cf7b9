// Weights: how iocost divides a saturated disk.
#include <memory>

#include "conformance/io/io_claims.h"
#include "conformance/io/io_steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/io/cost_model.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Bytes kFile = MiB(16);
constexpr Bytes kBlock = KiB(4);
constexpr int kModelIops = 400;
// A group is served in bursts of all that it has under way: several to a window.
constexpr Milliseconds kWindow{1000};

// kubepods ─┬─ burstable   200 ─┬─ pod a   30      2/3 x 0.3 = 0.2
//           │                   └─ pod b   70      2/3 x 0.7 = 0.467
//           └─ besteffort  100 ─── pod c           1/3
struct Contender {
  const char* pod;
  double share;
};
// The first decides: equal weights take it furthest from its share, to a half.
constexpr Contender kContenders[] = {{"c", 1.0 / 3}, {"a", 0.2}, {"b", 2.0 / 3 * 0.7}};

Status SetWeights(kubelet::Plan& plan) {
  const auto set = [&](const std::string& path, int weight) {
    return Override(plan, path, "io.weight", fmt::format("default {}", weight), "set by the claim");
  };
  const std::string a = TRY(PathOfPod(plan, "a"));
  TRY(set(a, 30));
  TRY(set(TRY(PathOfPod(plan, "b")), 70));
  TRY(set(ParentPath(a), 200));
  return set(ParentPath(TRY(PathOfPod(plan, "c"))), 100);
}

Result<std::vector<io::IoJob>> StartContest(ArmContext& context, const capsule::Tree& tree,
                                            const probe::ScratchFile& file, int depth) {
  const cgroup::StartGate gate = TRY(cgroup::StartGate::Create());
  std::vector<io::IoJob> jobs;
  for (const Contender& contender : kContenders) {
    jobs.push_back(TRY(io::IoJob::Start({.name = fmt::format("reader {}", contender.pod),
                                         .group = TRY(tree.Container(contender.pod, "main")),
                                         .file = file.path(),
                                         .random = true,
                                         .block = kBlock,
                                         .depth = depth,
                                         .seed = context.random()(),
                                         .gate = &gate})));
    TRY(jobs.back().AwaitReady(context.patience()));
  }
  gate.Open();
  return jobs;
}

Result<results::Arm> MeasureContest(ArmContext& context, const capsule::Tree& tree,
                                    const probe::ScratchFile& file, int depth, double tolerance) {
  std::vector<io::IoJob> jobs = TRY(StartContest(context, tree, file, depth));
  std::vector<measure::Quantity> quantities;
  for (const Contender& contender : kContenders) {
    quantities.push_back(
        {fmt::format("share of pod {} in the blocks read", contender.pod),
         {contender.share, Relation::kWithin, contender.share * tolerance, "ratio"}});
  }
  std::vector<int64_t> before(jobs.size());
  const auto take = [&]() -> Result<std::vector<double>> {
    std::vector<double> blocks;
    for (size_t i = 0; i < jobs.size(); ++i) {
      TRY(jobs[i].Check());
      const int64_t now = jobs[i].Mark().blocks;
      blocks.push_back(static_cast<double>(now - before[i]));
      before[i] = now;
    }
    return blocks;
  };
  // Every group is in the contest once each has had a request served.
  TRY(Await(context, "the first blocks", [&]() -> Result<bool> {
    for (const io::IoJob& job : jobs) {
      if (job.Mark().blocks < depth) return false;
    }
    return true;
  }));
  double sum_of_all = 0;
  Seconds measured{0};
  const auto open = [&]() -> Status {
    TRY(take());
    return {};
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    std::vector<double> blocks = TRY(take());
    double sum = 0;
    for (const double part : blocks) sum += part;
    if (sum == 0) return measure::Window{.disturbance = "no block was read"};
    for (double& part : blocks) part /= sum;
    sum_of_all += sum;
    measured += wall;
    return measure::Window{std::move(blocks), std::nullopt};
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(kWindow, quantities, open, close));
  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "weights 200 (30, 70) and 100" : "all weights 100");
  arm.checks = std::move(taken.checks);
  arm.notes.insert(arm.notes.end(), taken.notes.begin(), taken.notes.end());
  arm.notes.push_back(fmt::format("{:.0f} blocks a second in all", sum_of_all / measured.count()));
  for (const io::IoJob& job : jobs) {
    arm.load.push_back({job.options().name, "blocks", 50, static_cast<double>(job.Mark().blocks)});
  }
  return arm;
}

Result<capsule::Tree> PlantContest(ArmContext& context) {
  const std::vector<kubelet::Pod> pods = {MakePod("a", {{.cpu_request = "100m"}}),
                                          MakePod("b", {{.cpu_request = "100m"}}),
                                          MakePod("c", {{}})};
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    return context.Protected() ? SetWeights(plan) : Status();
  };
  return context.Plant(MemoryNode(), {}, pods, edit);
}

Result<results::Arm> MeasureIocost(ArmContext& context) {
  const io::Disk disk = TRY(ScratchDisk(context));
  const auto model =
      TRY(io::CostModel::TurnOn(context.environment().capsule->group(), disk, kModelIops));
  const capsule::Tree tree = TRY(PlantContest(context));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  return MeasureContest(context, tree, file, 16, 0.1);
}

constexpr const char* kTree =
    "kubepods ─┬─ burstable   200 ─┬─ pod a   30\n"
    "          │                   └─ pod b   70\n"
    "          └─ besteffort  100 ─── pod c";

}  // namespace

Claim IoWeightIocost() {
  Needs needs = IoNeeds();
  needs.whole_node = true;
  needs.why_whole_node = "it sets the disk's io.cost.model and io.cost.qos";
  return {
      .id = "io.weight.iocost",
      .statement = "Saturated groups share a disk in proportion to io.weight, level by level.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"io.weight\"; block/blk-iocost.c",
      .needs = std::move(needs),
      .explanation =
          {.tree = kTree,
           .load =
               "In each pod a process reads blocks of 4 KiB in random order through io_uring with "
               "O_DIRECT, 16 under way. io.cost.model says that the disk does 400 operations a "
               "second, far below what it does, so that the kernel divides these.",
           .expected = "Of all blocks a gets 2/3 x 0.3 = 0.2, b 2/3 x 0.7 = 0.467, c 1/3.",
           .tolerance =
               "10 % of each share: iocost lets a group use its budget a period at a time, "
               "and a group may run ahead by a margin of half a period (MARGIN_TARGET_PCT, "
               "block/blk-iocost.c).",
           .control =
               "Weights as a kernel has them, 100 everywhere: a and b a quarter each, c half."},
      .measure = MeasureIocost};
}

}  // namespace nodeproof::conformance
