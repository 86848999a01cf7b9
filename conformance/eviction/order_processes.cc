// Whom the kubelet evicts first when process ids run out.
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "conformance/eviction/eviction_agent.h"
#include "conformance/eviction/eviction_claims.h"
#include "conformance/eviction/inversions.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/worker.h"

namespace nodeproof::conformance {
namespace {

constexpr int64_t kPids = 1024;
constexpr int kPods = 6;
constexpr int kThreads = 16;  // of the one process of the pod that has just one

// A pod of the random set.
struct Sample {
  std::string name;
  int32_t priority = 0;
  int64_t processes = 0;

  // By pkg/kubelet/eviction/helpers.go (rankPIDPressure), written down once more and on purpose not
  // the policy model's code.
  bool Before(const Sample& other) const {
    if (priority != other.priority) return priority < other.priority;
    return processes > other.processes;
  }
};

std::vector<Sample> RandomPods(std::mt19937_64& random) {
  std::vector<Sample> samples;
  for (int i = 0; i < kPods; ++i) {
    samples.push_back({fmt::format("pod{}", i),
                       std::uniform_int_distribution<int32_t>(0, 1)(random) * 1000, i + 1});
  }
  std::ranges::shuffle(samples, random);
  return samples;
}

struct Nothing {};
using Idler = cgroup::Worker<Nothing>;

// A process with `threads` threads that do nothing.
Result<Idler> StartIdler(const cgroup::Cgroup& group, const std::string& name, int threads) {
  return Idler::Start({.name = name, .group = &group},
                      [threads](Nothing&, const cgroup::ReadySignal& ready) -> int {
                        std::vector<std::thread> crew;
                        for (int i = 1; i < threads; ++i) {
                          crew.emplace_back([] {
                            for (;;) ::pause();
                          });
                        }
                        ready.Notify();
                        for (;;) ::pause();
                      });
}

// The idle processes of all pods, up and running.
Result<std::vector<Idler>> Fill(ArmContext& context, const capsule::Tree& tree,
                                const std::vector<Sample>& samples, bool mirrored) {
  std::vector<Idler> idlers;
  for (const Sample& sample : samples) {
    const cgroup::Cgroup& group = *TRY(tree.Container(sample.name, "main"));
    const int64_t count = mirrored ? kPods + 1 - sample.processes : sample.processes;
    for (int64_t i = 0; i < count; ++i) {
      idlers.push_back(TRY(StartIdler(group, sample.name, count == 1 ? kThreads : 1)));
      TRY(idlers.back().AwaitReady(context.patience()));
    }
  }
  return idlers;
}

// node ── kubepods ── besteffort ── pod0 … pod5   1 to 6 processes each
Result<results::Arm> MeasureOrder(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<Sample> samples = RandomPods(context.random());
  std::vector<kubelet::Pod> pods;
  for (const Sample& sample : samples) {
    pods.push_back(MakePod(sample.name, {{}}));
    pods.back().priority = sample.priority;
  }
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.pids = kPids}));
  kubelet::KubeletConfiguration config;
  // Met for as long as there is any task: every pod is evicted, one a pass.
  config.eviction_hard = {{"pid.available", fmt::format("{}", kPids)}};
  std::vector<Idler> idlers = TRY(Fill(context, tree, samples, !is_protected));
  EvictionAgent agent =
      TRY(EvictionAgent::Create(context, tree, config, pods, {.memory = GiB(8), .pids = kPids}));
  const int64_t available = TRY(agent.PidsAvailable());
  size_t most_a_pass = 0;
  for (int pass = 0; pass < 2 * kPods && agent.evicted().size() < samples.size(); ++pass) {
    most_a_pass = std::max(most_a_pass, TRY(agent.Pass()).evictions.size());
  }

  const auto started = static_cast<int64_t>(idlers.size());
  idlers.clear();  // reaps them: until then the kernel counts the dead too

  results::Arm arm = DescribedArm(tree, is_protected ? "each pod has as many processes as it is to"
                                                     : "those that are to have many have few");
  const int64_t tasks = started + kThreads - 1;
  arm.checks = {
      CountIs("pairs evicted in the wrong order", 0, Inversions(samples, agent.evicted())),
      CountIs("pods evicted", kPods, static_cast<int64_t>(agent.evicted().size())),
      CountIs("pods evicted in one pass", 1, static_cast<int64_t>(most_a_pass)),
      CountIs("pid.available, by threads", kPids - tasks, available),
      CountIs("pid.available when all are gone", kPids, TRY(agent.PidsAvailable()))};
  for (const Sample& sample : samples) {
    arm.notes.push_back(fmt::format("{}: priority {}, to have {} processes", sample.name,
                                    sample.priority, sample.processes));
  }
  arm.notes.push_back(fmt::format("evicted: {}", fmt::join(agent.evicted(), ", ")));
  arm.load = {{"processes", "count", kPods * (kPods + 1) / 2.0, static_cast<double>(started)}};
  return arm;
}

}  // namespace

Claim EvictionOrderPid() {
  return {
      .id = "eviction.order.pid",
      .statement =
          "When process ids run out pods of lower priority are evicted first, then those with "
          "more processes; one a pass.",
      .source = "pkg/kubelet/eviction/helpers.go, rankPIDPressure(), Kubernetes 1.36.2",
      .needs = {.controllers = kMemoryControllers},
      .explanation =
          {.tree = "node (pids.max 1024) ── kubepods ── besteffort ── pod0 … pod5",
           .load =
               "Six pods of 1 to 6 idle processes, priority 0 or 1000, random by the run's seed; "
               "the one process of the smallest has 16 threads. The policy model's loop runs on "
               "the live files (cgroup.procs of the pods, pids.current of the capsule in place of "
               "the node's tasks) and kills whom it evicts; its threshold is met until nobody is "
               "left.",
           .expected = "No pair in the wrong order, one pod a pass. The ranking counts processes, "
                       "so the pod with 16 threads is the last of its priority; the signal counts "
                       "threads, and is back at 1024 when all are gone.",
           .tolerance = "None: whole numbers.",
           .control = "The pod that is to have 6 processes has 1, and so on: the order within a "
                      "priority is the reverse."},
      .measure = MeasureOrder};
}

}  // namespace nodeproof::conformance
