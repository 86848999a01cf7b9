// A node that is configured as well as Kubernetes allows, beside one with its defaults.
#include <algorithm>
#include <optional>
#include <string_view>

#include "conformance/cpuset/static_policy.h"
#include "conformance/memory/steps.h"
#include "conformance/moves.h"
#include "conformance/scenario/scenario_claims.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/measure/estimate.h"
#include "harness/probe/forker.h"
#include "harness/probe/request_server.h"
#include "harness/probe/scratch_file.h"
#include "harness/probe/wait_meter.h"
#include "harness/stress/cpu_hog.h"
#include "harness/stress/file_flood.h"
#include "harness/stress/fork_storm.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// The template. A tenth of a CPU that is reserved is a whole one for the static policy, which
// leaves pods of 900m something to ask for on two CPUs.
constexpr std::string_view kPerfect = R"(apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cpuManagerPolicy: static
topologyManagerPolicy: single-numa-node
featureGates: {MemoryQoS: true}
memoryReservationPolicy: TieredReservation
systemReserved: {cpu: 100m, memory: 128Mi}
kubeReserved: {memory: 128Mi}
evictionHard: {memory.available: 500Mi}
evictionSoft: {memory.available: 1Gi}
evictionSoftGracePeriod: {memory.available: 1m30s}
podPidsLimit: 1024
)";

constexpr Bytes kNode = MiB(160);
constexpr Bytes kCache = MiB(24);
constexpr Bytes kFloodFile = MiB(128);
constexpr int64_t kPodPids = 1024;
constexpr int64_t kNodePids = 1200;
constexpr int64_t kForks = 20;
constexpr int64_t kRequests = 400;
constexpr int kHogs = 2;
constexpr Milliseconds kWindow{200};
constexpr double kMostWaiting = 0.05;

std::vector<kubelet::Pod> Pods() {
  // Together they ask for less memory than is in use: what nobody below kubepods claims of its
  // memory.min goes to all there, and the flood is to find something to evict.
  return {MakePod("victim", {{.cpu_request = "1",
                              .cpu_limit = "1",
                              .memory_request = "16Mi",
                              .memory_limit = "16Mi"}}),
          MakePod("store", {{.cpu_request = "300m",
                             .cpu_limit = "300m",
                             .memory_request = "48Mi",
                             .memory_limit = "48Mi"}}),
          MakePod("noisy", {{.cpu_request = "600m"}}), MakePod("flood", {{}}),
          MakePod("bomb", {{}})};
}

// What uses memory and pids, but the bomb: it comes last, because it leaves no pids.
struct Background {
  probe::ScratchFile cached;
  probe::ScratchFile flooded;
  probe::RequestServer store;
  int64_t refaults = 0;  // of the store's, before the flood
  stress::FileFlood flood;
  probe::Forker system;
};

Result<Background> StartBackground(ArmContext& context, const capsule::Tree& tree,
                                   const CpuSet& system_cpus) {
  const std::filesystem::path& disk = *context.environment().scratch;
  const cgroup::Cgroup& group = *TRY(tree.Container("store", "main"));
  probe::ScratchFile cached = TRY(probe::ScratchFile::Write(disk, kCache));
  probe::ScratchFile flooded = TRY(probe::ScratchFile::Holes(disk, kFloodFile));
  probe::RequestServer store = TRY(probe::RequestServer::Start(
      {.group = &group, .file = cached.path(), .interval = Milliseconds(10), .fresh = KiB(64)}));
  TRY(store.AwaitFirstPass(context.patience()));
  const int64_t refaults = TRY(Counter(group, "memory.stat", "workingset_refault_file"));
  stress::FileFlood flood =
      TRY(stress::FileFlood::Start({.group = TRY(tree.Container("flood", "main")),
                                    .file = flooded.path(),
                                    .amount = GiB(1'000),
                                    .oom_score_adj = 1000}));
  TRY(Await(context, "the flood", [&]() -> Result<bool> {
    if (!TRY(flood.Running())) return Fail("the flood ended");
    return flood.Moved() >= kNode * 2;
  }));
  probe::Forker system = TRY(probe::Forker::Start(
      {.name = "system", .group = TRY(tree.SystemSlice()), .affinity = system_cpus}));
  TRY(system.AwaitReady(context.patience()));
  return Background{std::move(cached), std::move(flooded), std::move(store),
                    refaults,          std::move(flood),   std::move(system)};
}

// Returns when it has met a limit. One process of many threads: as many processes would need more
// memory than the node has.
Result<stress::ForkStorm> StartBomb(ArmContext& context, const capsule::Tree& tree) {
  stress::ForkStorm bomb =
      TRY(stress::ForkStorm::Start({.group = TRY(tree.Container("bomb", "main")),
                                    .kind = stress::ForkStormOptions::Kind::kThreads,
                                    .most = kNodePids,
                                    .refusals = 50}));
  TRY(Await(context, "the bomb", [&]() -> Result<bool> { return bomb.Sated(); }));
  return bomb;
}

// The share of time that the victim waited for its CPU, in windows.
Result<measure::WindowedChecks> MeasureWaits(ArmContext& context, probe::WaitMeter& victim) {
  Nanoseconds waited{0};
  const auto open = [&]() -> Status {
    waited = victim.Waited();
    return {};
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    const Nanoseconds now = victim.Waited();
    const double share = Seconds(now - waited).count() / wall.count();
    waited = now;
    return measure::Window{{share}, std::nullopt};
  };
  return context.TakeWindows(kWindow,
                             {{"share of time that the victim waited for its CPU",
                               {0, Relation::kAtMost, kMostWaiting, "ratio"}}},
                             open, close);
}

// node 160M ─┬─ system.slice                      a process that forks
//            └─ kubepods ─┬─ victim (Guaranteed)  wants one CPU all the time
//                         ├─ store (Guaranteed)   24M of page cache, a request every 10 ms
//                         ├─ burstable ── noisy   two hogs that want the victim's CPU
//                         └─ besteffort ─┬─ flood page cache, over and over
//                                        └─ bomb  threads without end
Result<results::Arm> MeasurePerfect(ArmContext& context) {
  const auto perfect = TRY(kubelet::ParseKubeletConfiguration(kPerfect, {.strict = true})).config;
  const kubelet::Plan by_template = TRY(context.PlanHere(perfect, Pods()));
  const int cpu = TRY(ExclusiveCpus(by_template, "victim")).First();
  const bool is_protected = context.Protected();
  const kubelet::Plan plan = is_protected ? by_template : TRY(context.PlanHere({}, Pods()));
  const capsule::Tree tree = TRY(context.Plant(
      plan, {.memory = kNode, .pids = kNodePids, .protection = is_protected ? kNode : Bytes{0}}));
  // The kubelet does not confine system.slice; who sets a node up well does.
  Background background = TRY(StartBackground(context, tree, context.online() - CpuSet{cpu}));

  // They are there before the bomb, and begin after it.
  const cgroup::StartGate gate = TRY(cgroup::StartGate::Create());
  std::vector<stress::CpuHog> hogs;
  for (int i = 0; i < kHogs; ++i) {
    hogs.push_back(
        TRY(stress::CpuHog::Start({.group = TRY(tree.Container("noisy", "main")), .gate = &gate})));
    TRY(hogs.back().AwaitReady(context.patience()));
    (void)MoveTo(hogs.back().pid(), CpuSet{cpu});
  }
  probe::WaitMeter victim = TRY(probe::WaitMeter::Start(
      {.group = TRY(tree.Container("victim", "main")), .affinity = CpuSet{cpu}}));
  TRY(victim.AwaitReady(context.patience()));
  stress::ForkStorm bomb = TRY(StartBomb(context, tree));
  gate.Open();
  const OffCpu elsewhere(cpu);
  const int64_t forks = background.system.Forks();
  const int64_t first = background.store.Served();
  measure::WindowedChecks taken = TRY(MeasureWaits(context, victim));
  // What has lost its page cache is slow: the control arm shows that by a few requests.
  const int64_t requests = is_protected ? kRequests : kRequests / 8;
  TRY(Await(context, "the store's requests and the system's forks", [&]() -> Result<bool> {
    if (!TRY(background.store.Running())) return Fail("the store's server ended");
    return background.store.Served() >= first + requests &&
           background.system.Forks() >= forks + kForks;
  }));

  const cgroup::Cgroup& store = *TRY(tree.Container("store", "main"));
  results::Arm arm = DescribedArm(tree, is_protected ? "the template" : "the kubelet's defaults");
  arm.checks = std::move(taken.checks);
  arm.notes.insert(arm.notes.end(), taken.notes.begin(), taken.notes.end());
  arm.checks.push_back(
      CountIs("refaults of the store", 0,
              TRY(Counter(store, "memory.stat", "workingset_refault_file")) - background.refaults));
  arm.checks.push_back(BytesAtLeast("page cache of the store", kCache,
                                    Bytes{TRY(Counter(store, "memory.stat", "file"))},
                                    StatLag(context)));
  arm.checks.push_back(CountIs("tasks that the bomb came to", kPodPids, bomb.Tasks()));
  arm.checks.push_back(
      CountIs("forks in system.slice that failed", 0, background.system.Failures()));
  arm.notes.push_back(fmt::format("99 % of the store's requests took {} at the most",
                                  FormatDuration(background.store.Percentile99(first))));
  arm.load = {{"victim", "rounds", 1, static_cast<double>(victim.Rounds())},
              BytesDone("flood", kNode * 2, background.flood.Moved()),
              {"bomb", "threads tried", static_cast<double>(kPodPids),
               static_cast<double>(bomb.Births() + bomb.Refused())},
              {"store", "requests", static_cast<double>(requests),
               static_cast<double>(background.store.Served() - first)}};
  for (stress::CpuHog& hog : hogs) {
    arm.load.push_back({hog.name(), "rounds", 1, static_cast<double>(hog.Work())});
  }
  // Before the bomb: a thousand threads of the smallest weight take 40 s to end beside them.
  hogs.clear();
  return arm;
}

}  // namespace

Claim ScenarioPerfectNode() {
  return {
      .id = "scenario.perfect-node",
      .statement =
          "A node with the static CPU Manager, Memory QoS, reserves and a pid limit keeps a pod's "
          "CPU, another's page cache and the system's pids beside pods that want them all; a "
          "node with the kubelet's defaults does not.",
      .source =
          "Kubernetes 1.36 KubeletConfiguration; KEP-2570; "
          "Documentation/admin-guide/cgroup-v2.rst",
      .needs = {.controllers = kCpusetControllers,
                .cpus = 2,
                .memory = MiB(256),
                .scratch = true,
                .realtime = true,
                .why_realtime = "its page cache needs a disk",
                .whole_node = true,
                .why_whole_node = "a host's own processes may use the victim's CPU"},
      .explanation =
          {.tree = "node 160M, 1200 pids ─┬─ system.slice\n"
                   "                      └─ kubepods ─┬─ pod victim (Guaranteed, 1 CPU, 16M)\n"
                   "                                   ├─ pod store (Guaranteed, 300m, 48M)\n"
                   "                                   ├─ burstable ── pod noisy (600m)\n"
                   "                                   └─ besteffort ─┬─ pod flood\n"
                   "                                                  └─ pod bomb\n" +
                   std::string(kPerfect),
           .load =
               "store reads 24M of page cache, 64K every 10 ms. flood reads 128M through the page "
               "cache over and over, bomb starts threads until it is refused 50 times or has "
               "1200, a process of system.slice forks on the other CPUs. victim spins on the CPU "
               "that the template "
               "gives it, and two hogs of noisy ask for that CPU.",
           .expected = "victim waits for 5 % of the time at the most. store loses no page and none "
                       "comes back from the disk. bomb comes to 1024 tasks, and no fork of the "
                       "system's fails.",
           .tolerance =
               "5 %: what interrupts and the kernel's own threads take of a CPU. Page cache: what "
               "memory.stat lags behind. Tasks, refaults and forks are counted: none.",
           .control = "A KubeletConfiguration with nothing in it: victim shares its CPU with the "
                      "hogs, the flood evicts store's pages, and the bomb takes the node's pids."},
      .measure = MeasurePerfect};
}

}  // namespace nodeproof::conformance
