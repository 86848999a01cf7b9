// Whom the kubelet evicts first when memory runs out.
#include <algorithm>

#include "conformance/eviction/eviction_agent.h"
#include "conformance/eviction/eviction_claims.h"
#include "conformance/eviction/inversions.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kNode = MiB(256);

// A pod of the random set: what it asks for, how important it is, what it uses.
struct Sample {
  std::string name;
  int64_t request_mi = 0;
  int32_t priority = 0;
  int64_t use_mi = 0;

  bool Exceeds() const { return use_mi > request_mi; }
  // Which of two is evicted first, by pkg/kubelet/eviction/helpers.go (rankMemoryPressure), written
  // down once more and on purpose not the policy model's code.
  bool Before(const Sample& other) const {
    if (Exceeds() != other.Exceeds()) return Exceeds();
    if (priority != other.priority) return priority < other.priority;
    return use_mi - request_mi > other.use_mi - other.request_mi;
  }
};

// Six pods. Uses and overages differ by 3 MiB and more between any two, far beyond what the kernel
// charges with a process.
std::vector<Sample> RandomPods(std::mt19937_64& random) {
  std::vector<int64_t> uses = {8, 12, 16, 20, 24, 28};
  std::vector<int64_t> overages = {-12, -7, 4, 7, 10, 13};
  std::ranges::shuffle(uses, random);
  std::ranges::shuffle(overages, random);
  std::vector<Sample> samples;
  for (size_t i = 0; i < uses.size(); ++i) {
    const int64_t request = std::max<int64_t>(uses[i] - overages[i], 1);
    samples.push_back({fmt::format("pod{}", i), request,
                       std::uniform_int_distribution<int32_t>(0, 1)(random) * 1000, uses[i]});
  }
  return samples;
}

// By how many places each pod's use is to be passed on so that the order becomes another.
size_t Shift(const std::vector<Sample>& samples) {
  for (size_t shift = 1; shift < samples.size(); ++shift) {
    std::vector<Sample> others = samples;
    for (size_t i = 0; i < samples.size(); ++i) {
      others[i].use_mi = samples[(i + shift) % samples.size()].use_mi;
    }
    std::ranges::sort(others, [](const Sample& a, const Sample& b) { return a.Before(b); });
    std::vector<std::string> order;
    for (const Sample& sample : others) order.push_back(sample.name);
    if (Inversions(samples, order) > 0) return shift;
  }
  return 0;
}

// node 256M ── kubepods ── burstable ── pod0 … pod5   8 to 28M of anonymous memory each
Result<results::Arm> MeasureOrder(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<Sample> samples = RandomPods(context.random());
  std::vector<kubelet::Pod> pods;
  for (const Sample& sample : samples) {
    kubelet::Pod pod =
        MakePod(sample.name, {{.memory_request = fmt::format("{}Mi", sample.request_mi)}});
    pod.priority = sample.priority;
    pods.push_back(std::move(pod));
  }
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = kNode}));
  std::vector<stress::AnonHog> hogs;
  results::Arm arm = DescribedArm(
      tree, is_protected ? "each pod uses what it is to" : "each uses what another one is to");
  const size_t shift = is_protected ? 0 : Shift(samples);
  for (size_t i = 0; i < samples.size(); ++i) {
    const Sample& as = samples[(i + shift) % samples.size()];
    hogs.push_back(
        TRY(stress::AnonHog::Start({.name = samples[i].name,
                                    .group = TRY(tree.Container(samples[i].name, "main")),
                                    .target = MiB(as.use_mi),
                                    .oom_score_adj = 1000})));
    TRY(hogs.back().AwaitFull(context.patience()));
    arm.load.push_back(BytesDone(samples[i].name, MiB(as.use_mi), hogs.back().Touched()));
  }
  kubelet::KubeletConfiguration config;
  // Met for as long as the node uses anything: every pod is evicted, one a pass.
  config.eviction_hard = {{"memory.available", fmt::format("{}", kNode.value - 1)}};
  EvictionAgent agent = TRY(EvictionAgent::Create(context, tree, config, pods, {.memory = kNode}));
  size_t most_a_pass = 0;
  for (size_t pass = 0; pass < samples.size() * 2 && agent.evicted().size() < samples.size();
       ++pass) {
    most_a_pass = std::max(most_a_pass, TRY(agent.Pass()).evictions.size());
  }
  arm.checks = {
      CountIs("pairs evicted in the wrong order", 0, Inversions(samples, agent.evicted())),
      CountIs("pods evicted", static_cast<int64_t>(samples.size()),
              static_cast<int64_t>(agent.evicted().size())),
      CountIs("pods evicted in one pass", 1, static_cast<int64_t>(most_a_pass))};
  for (const Sample& sample : samples) {
    arm.notes.push_back(fmt::format("{}: request {} MiB, priority {}, use {} MiB", sample.name,
                                    sample.request_mi, sample.priority, sample.use_mi));
  }
  arm.notes.push_back(fmt::format("evicted: {}", fmt::join(agent.evicted(), ", ")));
  return arm;
}

}  // namespace

Claim EvictionOrderMemory() {
  return {
      .id = "eviction.order.memory",
      .statement =
          "Under memory pressure pods above their request are evicted first, then those of "
          "lower priority, then by how far above; one a pass.",
      .source = "pkg/kubelet/eviction/helpers.go, rankMemoryPressure(), Kubernetes 1.36.2",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node 256M ── kubepods ── burstable ── pod0 … pod5",
           .load =
               "Six pods, random by the run's seed: 8 to 28M in use, 12M below to 13M above the "
               "request, priority 0 or 1000. The policy model's loop runs on the live files and "
               "kills whom it evicts; its threshold is met until nobody is left.",
           .expected = "No pair in the wrong order, one pod a pass.",
           .tolerance = "None: uses and overages of any two differ by 3M and more, what the kernel "
                        "charges with a process is less than 1M.",
           .control = "Each pod uses what another one is to use, so that the order is another."},
      .measure = MeasureOrder};
}

}  // namespace nodeproof::conformance
