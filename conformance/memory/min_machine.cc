// memory.min when the machine itself runs out of memory, as on a node where pods may use all that
// is allocatable: no limit of any group is met, and reclaim begins at the root.
#include "conformance/memory/machine_memory.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/resting_victim.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kLeft = MiB(96);
constexpr Bytes kCache = MiB(24);
constexpr Bytes kMin = MiB(32);
// There is more than what counts as available: the kernel keeps a reserve.
constexpr Bytes kHog = kLeft * 4;
// What the kernel and the node's processes may take of what was left.
constexpr Bytes kOthers = MiB(32);

// machine, 96M left ─┬─ system     a hog that wants 384M
//                    └─ kubepods  memory.min 32M ── victim  the same, 24M of page cache, at rest
Result<results::Arm> MeasureMachine(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::string min = fmt::format("{}", is_protected ? kMin.value : 0);
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    TRY(SetOnPath(plan, "victim", "memory.min", min));
    return SetOnPod(plan, "victim", "memory.min", min);
  };
  const kubelet::Pod victim_pod = MakePod("victim", {{.cpu_request = "500m",
                                                      .cpu_limit = "500m",
                                                      .memory_request = "128Mi",
                                                      .memory_limit = "128Mi"}});
  const Bytes all = TRY(MemInfo("MemTotal:"));
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {victim_pod}, edit,
                        {.memory = all * 2, .protection = is_protected ? kMin : Bytes{0}}));
  // Before the victim has anything that the search for huge pages could reclaim.
  const auto aside = TRY(PutAside::AllBut(kLeft));
  const cgroup::Cgroup& capsule = context.environment().capsule->group();
  const int64_t limits_met = TRY(Counter(capsule, "memory.events", "max"));
  RestingVictim victim = TRY(RestingVictim::Start(context, *TRY(tree.Container("victim", "main")),
                                                  kCache, RestingVictim::Content::kHoles));
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = TRY(tree.SystemSlice()), .target = kHog, .oom_score_adj = 1000}));
  TRY(Await(context, "the hog's end", [&]() -> Result<bool> {
    TRY(victim.Look());
    return hog.Touched() >= kHog || !TRY(hog.Running());
  }));
  TRY(victim.Look());

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.min 32M" : "memory.min 0");
  arm.checks = {BytesAtLeast("victim's pages kept (least of all looks)", kCache, victim.least()),
                CountIs("limits of groups that were met", 0,
                        TRY(Counter(capsule, "memory.events", "max")) - limits_met)};
  arm.load = {BytesDone("page cache of the victim", kCache, victim.before()),
              BytesDone("anon hog", kLeft - kCache - kOthers, hog.Touched())};
  return arm;
}

}  // namespace

Claim MemoryMinMachine() {
  Needs needs = PageCacheNeeds(MiB(256));
  needs.whole_node = true;
  needs.why_whole_node = "it exhausts the machine's memory";
  return {
      .id = "memory.min.machine",
      .statement =
          "When the machine itself runs out of memory a victim within its memory.min loses no "
          "page.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.min\"; mm/vmscan.c, shrink_one() and "
          "shrink_node_memcgs()",
      .needs = std::move(needs),
      .explanation =
          {.tree = "machine ─┬─ system.slice\n"
                   "         └─ kubepods  memory.min 32M ── pod victim  memory.min 32M (pod and "
                   "container)",
           .load = "No group has a limit that could be met. The pool of huge pages takes all of "
                   "the machine's memory but 96M. The victim reads a 24M file into the page cache "
                   "and rests. A hog in system.slice grows until the kernel kills it: no swap, and "
                   "only page cache could give way.",
           .expected = "All of the victim's 24M stay in the page cache at every look (mincore), "
                       "though it is the whole machine that is searched for memory; no limit was "
                       "met.",
           .tolerance = "None: usage is below the protection by 7M, and below its min the kernel "
                        "does not scan a group at all.",
           .control = "memory.min 0 on the whole path: the victim loses pages."},
      .measure = MeasureMachine};
}

}  // namespace nodeproof::conformance
