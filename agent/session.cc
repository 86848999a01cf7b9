#include "agent/session.h"

#include <sched.h>

#include <algorithm>
#include <array>

#include "agent/bench_session.h"
#include "agent/claim_tests.h"
#include "conformance/all_claims.h"
#include "harness/base/file.h"
#include "harness/capsule/capsule.h"
#include "harness/cgroup/knobs.h"
#include "harness/cgroup/static_keys.h"
#include "harness/topology/facts.h"
#include "harness/topology/topology.h"

namespace nodeproof::agent {
namespace {

using cgroup::Cgroup;
using conformance::Claim;

// What a kubelet enables for its pods, as far as the node has it.
constexpr std::array kKubeletControllers = {"cpuset", "cpu", "io", "memory", "hugetlb", "pids"};

Result<std::vector<std::string>> WantedControllers(const Cgroup& root) {
  const std::vector<std::string> available = TRY(root.Controllers());
  std::vector<std::string> wanted;
  for (const char* name : kKubeletControllers) {
    if (std::find(available.begin(), available.end(), name) != available.end()) {
      wanted.emplace_back(name);
    }
  }
  return wanted;
}

// On somebody else's hierarchy only what is on already can be used.
Result<std::vector<std::string>> UsableControllers(const Cgroup& root, bool own) {
  std::vector<std::string> wanted = TRY(WantedControllers(root));
  if (own) return wanted;
  const std::string text = TRY(root.Read("cgroup.subtree_control"));
  const auto enabled = Words(text);
  std::erase_if(wanted, [&](const std::string& name) {
    return std::find(enabled.begin(), enabled.end(), name) == enabled.end();
  });
  return wanted;
}

Result<std::vector<const Claim*>> Select(const conformance::ClaimRegistry& registry,
                                         const std::vector<std::string>& ids) {
  std::vector<const Claim*> claims;
  for (const std::string& id : ids) {
    const Claim* claim = registry.Find(id);
    if (claim == nullptr) return Fail("the agent has no claim {}", id);
    claims.push_back(claim);
  }
  return claims;
}

// Samples must be taken when they are due, also while every CPU is saturated: the agent's main
// thread goes before all normal tasks. Its children start as normal tasks again.
void GoFirst(const EventWriter& events) {
  const sched_param priority{.sched_priority = 10};
  if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) != 0) {
    events.Write(node::NoteEvent(
        "no real-time priority for the sampler: its samples may be late on a saturated node"));
  }
}

// The CPUs that the capsule may use: on a host, perhaps not all.
Result<Topology> UsableTopology(const capsule::Capsule& capsule) {
  Topology topology = TRY(ReadTopology());
  if (!capsule.group().Has("cpuset.cpus.effective")) return topology;
  const CpuSet effective = TRY(cgroup::ReadCpuSet(capsule.group(), "cpuset.cpus.effective"));
  std::erase_if(topology.cpus,
                [&](const CpuPlace& place) { return !effective.Contains(place.cpu); });
  if (topology.cpus.empty()) return Fail("{} may use no CPU", capsule.group().path());
  return topology;
}

// Of both arms. With --thorough the protected one may be many measurements, each of which has an
// arm's time.
Seconds BudgetOf(const Claim& claim, const node::RunRequest& request) {
  const Seconds arm =
      request.claim_timeout.count() > 0 ? request.claim_timeout / 2 : claim.arm_budget;
  const double factor = request.args.contains("thorough") ? claim.thorough_factor : 1;
  return arm * (factor + 1);
}

// The claim's result as an event; one that has no JSON form is a mistake of the claim's: an error,
// not a pass.
node::Event EventOf(const results::Claim& claim) {
  auto json = results::ToJson(claim);
  if (!json) {
    results::Claim broken;
    broken.id = claim.id;
    broken.statement = claim.statement;
    broken.source = claim.source;
    broken.iteration = claim.iteration;
    broken.reason = "the result has no JSON form: " + json.error().message;
    json = results::ToJson(broken);
  }
  return node::ClaimEvent(*json);
}

// Returns how many verdicts there were.
int RunClaims(const node::RunRequest& request, const std::vector<const Claim*>& claims,
              conformance::Environment& environment, const EventWriter& events) {
  const Claim* current = nullptr;
  environment.progress = [&](conformance::ArmRole role, int windows, Seconds elapsed) {
    events.Write(node::ProgressEvent(current->id, conformance::ToString(role), windows, elapsed));
  };
  const int total = static_cast<int>(claims.size()) * request.repeat;
  int finished = 0;
  RunClaimTests({.claims = claims,
                 .environment = &environment,
                 .control = request.control,
                 .repeat = request.repeat,
                 .on_start =
                     [&](const Claim& claim, int index) {
                       current = &claim;
                       events.Write(
                           node::ClaimStartEvent(claim.id, index, total, BudgetOf(claim, request)));
                     },
                 .on_finish =
                     [&](const results::Claim& claim) {
                       events.Write(EventOf(claim));
                       ++finished;
                     }});
  environment.progress = nullptr;
  return finished;
}

bench::Environment BenchEnvironment(const node::RunRequest& request, const Place& place,
                                    const Json& facts) {
  bench::Environment environment;
  environment.scratch = place.scratch;
  environment.why_no_scratch = place.why_no_scratch;
  environment.memory = Bytes{facts.at("memory").at("available_bytes").get<int64_t>()};
  environment.owns_node = place.own_hierarchy;
  environment.thorough = request.args.contains("thorough");
  environment.seed = request.seed;
  return environment;
}

// On a host without a usable hierarchy: benchmarks alone.
Status RunWithoutCgroups(const node::RunRequest& request, const Place& place, const Json& facts,
                         const EventWriter& events) {
  if (!request.claims.empty()) return Fail("claims need a cgroup v2 hierarchy");
  bench::Environment environment = BenchEnvironment(request, place, facts);
  environment.topology = TRY(ReadTopology());
  environment.why_no_cgroups = request.why_no_cgroups;
  events.Write(node::HelloEvent(facts));
  events.Write(node::EndEvent(TRY(RunBenches(request, environment, events))));
  return {};
}

}  // namespace

Status RunSession(const node::RunRequest& request, const Place& place, const EventWriter& events) {
  const Json facts = TRY(ReadNodeFacts(place.kind));
  if (!request.why_no_cgroups.empty()) return RunWithoutCgroups(request, place, facts, events);
  conformance::ClaimRegistry registry;
  conformance::RegisterAllClaims(registry);
  const std::vector<const Claim*> claims = TRY(Select(registry, request.claims));
  const Cgroup root = TRY(Cgroup::Open(place.cgroup_root));
  const auto controllers = TRY(UsableControllers(root, place.own_hierarchy));
  if (place.own_hierarchy) TRY(cgroup::HoldStaticKeys(root, controllers));
  capsule::Capsule capsule = TRY(capsule::Capsule::Create(root, controllers, place.own_hierarchy));
  events.Write(node::HelloEvent(facts));
  GoFirst(events);

  conformance::Environment environment;
  environment.capsule = &capsule;
  environment.topology = TRY(UsableTopology(capsule));
  environment.driver = request.driver == node::CgroupDriver::kSystemd
                           ? kubelet::CgroupDriver::kSystemd
                           : kubelet::CgroupDriver::kCgroupfs;
  environment.lane = request.lane;
  environment.seed = request.seed;
  environment.thorough = request.args.contains("thorough");
  environment.scratch = place.scratch;
  environment.why_no_scratch = place.why_no_scratch;
  environment.why_no_cxl = place.why_no_cxl;
  environment.memory = Bytes{facts.at("memory").at("available_bytes").get<int64_t>()};
  environment.owns_node = place.own_hierarchy;
  environment.claim_timeout = request.claim_timeout;
  int finished = RunClaims(request, claims, environment, events);
  bench::Environment bench_environment = BenchEnvironment(request, place, facts);
  bench_environment.topology = environment.topology;
  bench_environment.capsule = &capsule.group();
  bench_environment.planter = &capsule;
  bench_environment.controllers = capsule.controllers();
  finished += TRY(RunBenches(request, bench_environment, events));
  events.Write(node::EndEvent(finished));
  return {};
}

}  // namespace nodeproof::agent
