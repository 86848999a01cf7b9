// Slab: memory that the kernel allocates for a group is charged to it, and only it pays.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/resting_victim.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/stress/slab_growth.h"

namespace nodeproof::conformance {
namespace {

using Kind = stress::SlabGrowthOptions::Kind;

// slab_reclaimable of a group at rest that should have `least`.
Result<Bytes> Slab(const ArmContext& context, const cgroup::Cgroup& group, Bytes least) {
  Bytes slab{0};
  TRY(AwaitStat(context, [&]() -> Result<bool> {
    slab = Bytes{TRY(Counter(group, "memory.stat", "slab_reclaimable"))};
    return slab >= least;
  }));
  return slab;
}

Bytes OfNames(int64_t names) { return Bytes{names * stress::kBytesPerNegativeDentry}; }

// A file system that keeps negative dentries, where nothing is written.
std::filesystem::path NameSpace(const ArmContext& context) {
  return context.environment().scratch.value_or("/sys/kernel");
}

// A tenth of the slab that they take is more than what else the pod may hold.
constexpr int64_t kNames = 80'000;
constexpr int64_t kLimitedNames = 30'000;
constexpr int64_t kNeighbourNames = 5'000;
constexpr Bytes kLowLimit = MiB(6);

// What a growth in a group with a limit came to.
struct Limited {
  Bytes most{0};  // memory.current of all looks
  int64_t made = 0;
  int64_t kills = 0;
};

Result<Limited> GrowWithin(ArmContext& context, const cgroup::Cgroup& group) {
  TRY(group.Write("memory.max", fmt::format("{}", kLowLimit.value)));
  stress::SlabGrowth growth = TRY(stress::SlabGrowth::Start({.name = "limited",
                                                             .group = &group,
                                                             .count = kLimitedNames,
                                                             .directory = NameSpace(context)}));
  Limited limited;
  TRY(Await(context, "the limited growth's end", [&]() -> Result<bool> {
    const Bytes usage{TRY(cgroup::ReadNumber(group, "memory.current"))};
    limited.most = std::max(limited.most, usage);
    return growth.Made() >= kLimitedNames || !TRY(growth.Running());
  }));
  limited.made = growth.Made();
  limited.kills = TRY(Counter(group, "memory.events", "oom_kill"));
  return limited;
}

// besteffort ─┬─ neighbour  5000 negative dentries, made first
//             ├─ pod        80000, without a limit
//             └─ limited    30000, with memory.max 6M
Result<results::Arm> MeasureCharged(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(
      context.Plant(MemoryNode(), {},
                    {MakePod("pod", {{}}), MakePod("neighbour", {{}}), MakePod("limited", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& neighbour = *TRY(tree.Container("neighbour", "main"));
  const std::filesystem::path names = NameSpace(context);
  stress::SlabGrowth before = TRY(stress::SlabGrowth::Start(
      {.name = "neighbour", .group = &neighbour, .count = kNeighbourNames, .directory = names}));
  TRY(before.AwaitDone(context.patience()));
  const Bytes neighbours = TRY(Slab(context, neighbour, OfNames(kNeighbourNames)));

  stress::SlabGrowth growth = TRY(stress::SlabGrowth::Start(
      {.group = is_protected ? &group : &neighbour, .count = kNames, .directory = names}));
  TRY(growth.AwaitDone(context.patience()));
  const Bytes slab = TRY(Slab(context, group, is_protected ? OfNames(kNames) : Bytes{0}));
  const Bytes usage{TRY(cgroup::ReadNumber(group, "memory.current"))};
  Limited limited;
  if (is_protected) {
    limited = TRY(GrowWithin(context, *TRY(tree.Container("limited", "main"))));
  }
  const Bytes lag = StatLag(context);
  const Bytes neighbours_after = TRY(Slab(context, neighbour, neighbours - lag));

  results::Arm arm = DescribedArm(
      tree, is_protected ? "the dentries are made in the pod" : "they are made in the neighbour");
  arm.checks = {
      BytesAtLeast("slab_reclaimable of the pod", OfNames(kNames), slab, lag),
      // A dentry of 192 bytes and a name of 256, each with a pointer of 8 to its owner; a
      // kernel with larger dentries has room for 10 %.
      BytesAtMost("the same, at most", Bytes{kNames * 464 * 11 / 10}, slab, lag),
      // Counted is one thing, charged another.
      BytesAtLeast("memory.current of the pod", OfNames(kNames), usage),
      BytesAtMost("slab_reclaimable of it", usage, slab, lag),
      BytesAtLeast("the same, at least", usage - KernelShare(context, Bytes{0}), slab, lag),
      BytesAtMost("memory.current of the limited one, most of all looks", kLowLimit, limited.most,
                  ChargeBatches(context)),
      BytesAtLeast("slab_reclaimable of the neighbour, before", OfNames(kNeighbourNames),
                   neighbours, lag),
      BytesAtLeast("slab_reclaimable of the neighbour, afterwards", neighbours, neighbours_after,
                   lag),
      BytesAtMost("the same, at most", neighbours, neighbours_after, lag)};
  if (is_protected)
    arm.notes.push_back(fmt::format("within 6M: {} of {} dentries made, {} OOM kills", limited.made,
                                    kLimitedNames, limited.kills));
  const int64_t beyond = kLowLimit.value / 510;
  arm.load = {{"negative dentries", "count", static_cast<double>(kNames),
               static_cast<double>(growth.Made())},
              {"negative dentries of the neighbour", "count", static_cast<double>(kNeighbourNames),
               static_cast<double>(before.Made())}};
  if (is_protected) {
    arm.load.push_back({"negative dentries of the limited one", "count",
                        static_cast<double>(beyond / 2), static_cast<double>(limited.made)});
  }
  return arm;
}

constexpr Bytes kNode = MiB(40);
constexpr Bytes kVictimCache = MiB(16);
constexpr Bytes kProtection = MiB(24);
constexpr int64_t kInodes = 30'000;
// Enough that victim and slab do not fit the node, by 4M.
constexpr int64_t kEnough = MiB(28).value / stress::kBytesPerHeldInode;

// node 40M ─┬─ victim  memory.min 24M, 16M of page cache, at rest
//           └─ slab    inodes in memory, held open: 30 MB and more
Result<results::Arm> MeasureProtected(ArmContext& context) {
  const bool is_protected = context.Protected();
  const Bytes protection = is_protected ? kProtection : Bytes{0};
  const kubelet::Pod pod = MakePod("victim", {{.cpu_request = "500m",
                                               .cpu_limit = "500m",
                                               .memory_request = "64Mi",
                                               .memory_limit = "64Mi"}});
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {}, {pod, MakePod("slab", {{}})},
      [&](kubelet::Plan& plan) {
        return SetOnPath(plan, "victim", "memory.min", fmt::format("{}", protection.value));
      },
      {.memory = kNode, .protection = protection}));
  RestingVictim victim =
      TRY(RestingVictim::Start(context, *TRY(tree.Container("victim", "main")), kVictimCache));
  stress::SlabGrowth growth =
      TRY(stress::SlabGrowth::Start({.group = TRY(tree.Container("slab", "main")),
                                     .kind = Kind::kHeldInodes,
                                     .count = kInodes,
                                     .oom_score_adj = 1000}));
  TRY(Await(context, "the slab growth's end", [&]() -> Result<bool> {
    TRY(victim.Look());
    return growth.Made() >= kInodes || !TRY(growth.Running());
  }));
  TRY(victim.Look());
  const RestingVictim::Reread reread = TRY(victim.ReadAgain(context));

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.min 24M" : "memory.min 0");
  arm.checks = {
      BytesAtLeast("victim's pages kept (least of all looks)", kVictimCache, victim.least()),
      CountIs("victim's refaults", 0, reread.refaults)};
  arm.notes.push_back(Describe(reread));
  // Protected, the growth ends where the node is full: beside the victim's 16M and some 4M of all
  // others' there is room for 20M, at 1500 bytes an inode at the most.
  const int64_t needed = is_protected ? MiB(20).value / 1500 : kEnough;
  arm.load = {
      BytesDone("victim, before", kVictimCache, victim.before()),
      {"inodes held", "count", static_cast<double>(needed), static_cast<double>(growth.Made())}};
  return arm;
}

constexpr int64_t kGroups = 100;

// What charges a group that is about to be removed: slab, which moves on to its parent, or (the
// control arm) a page of a file in memory that outlives it.
Status ChargeOnce(ArmContext& context, const cgroup::Cgroup& child, const Fd& shared, int64_t i) {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  const bool slab = context.Protected();
  const std::filesystem::path names = NameSpace(context);
  auto charger = TRY(cgroup::Process::Spawn({.name = "charger", .group = &child}, [&] {
    if (!slab) return ::pwrite(shared.get(), "x", 1, i * page) == 1 ? 0 : 1;
    const auto directory = OpenAt(AT_FDCWD, names.string(), O_PATH | O_DIRECTORY);
    for (int name = 0; directory && name < 20; ++name) {
      (void)::faccessat(directory->get(), fmt::format("{}.{}", ::getpid(), name).c_str(), F_OK, 0);
    }
    return directory ? 0 : 1;
  }));
  const cgroup::Exit exit = TRY(charger.Wait(context.patience()));
  if (exit != cgroup::Exit{false, 0}) return Fail("a charger ended with {}", exit.ToString());
  return {};
}

// besteffort ── pod ── main ── 100 groups, one after the other: made, charged, removed
Result<results::Arm> MeasureZombies(ArmContext& context) {
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  TRY(group.EnableControllers({"memory"}));
  const Fd shared = TRY(MemoryFile("nodeproof-zombies", true));
  if (::ftruncate(shared.get(), kGroups * ::sysconf(_SC_PAGESIZE)) != 0) {
    return FailErrno(errno, "size a file in memory");
  }
  int64_t charged = 0;
  for (int64_t i = 0; i < kGroups; ++i) {
    const cgroup::Cgroup child = TRY(group.CreateChild("short-lived"));
    TRY(ChargeOnce(context, child, shared, i));
    charged += TRY(cgroup::ReadNumber(child, "memory.peak")) > 0;
    TRY(child.Destroy(context.patience()));
  }
  // Each CPU may keep its last group alive: the batch charged ahead, and that of kernel objects.
  const auto kept = 2 * static_cast<int64_t>(context.online().size());
  const Clock& clock = context.clock();
  const Nanoseconds deadline = clock.Now() + std::chrono::seconds(context.Protected() ? 5 : 1);
  int64_t dying = kGroups;
  TRY(Await(context, "dead groups to go", [&]() -> Result<bool> {
    dying = TRY(Counter(group, "cgroup.stat", "nr_dying_descendants"));
    return dying <= kept || clock.Now() > deadline;
  }));
  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "charged for kernel objects and their own memory"
                                             : "charged for a page that outlives the group");
  arm.checks = {
      measure::ExactCheck("nr_dying_descendants after 100 groups",
                          {0, results::Relation::kAtMost, static_cast<double>(kept), "count"},
                          static_cast<double>(dying))};
  arm.load = {{"groups that were charged", "count", static_cast<double>(kGroups),
               static_cast<double>(charged)}};
  return arm;
}

}  // namespace

Claim MemorySlabCharged() {
  return {
      .id = "memory.slab.charged",
      .statement =
          "Kernel objects made for a group are charged to it, and its own limit, not a "
          "neighbour, pays for them.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.stat\" (slab_reclaimable)",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod neighbour\n"
                   "            ├─ pod pod\n"
                   "            └─ pod limited     memory.max 6M",
           .load = "5000 lookups of names that do not exist in neighbour, then 80000 in the pod, "
                   "then 30000 in limited: each leaves a negative dentry.",
           .expected =
               "slab_reclaimable of the pod: 448 bytes a lookup or more, at most 510, and all of "
               "it in its memory.current, which is hardly more. "
               "memory.current of limited is never above 6M: it reclaims its own dentries or "
               "is OOM-killed (the arm's note says which). The neighbour's slab stays what "
               "it was.",
           .tolerance =
               "memory.stat lags by up to 128 pages a CPU. An object is 192 + 256 bytes and "
               "a pointer each to its owner; 10 % more for kernels with larger dentries. "
               "Usage: a charge that does not fit is counted for a moment, 64 pages a CPU; what "
               "is in use is charged to the byte. memory.current of the pod has a batch of 64 "
               "pages "
               "a CPU and 1M for the process beside.",
           .control = "The 80000 lookups of the pod are made in the neighbour."},
      .measure = MeasureCharged};
}

Claim MemorySlabProtected() {
  return {
      .id = "memory.slab.protected",
      .statement = "A victim within its memory.min keeps its pages while a sibling grows slab.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.min\"",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "node 40M ── kubepods  memory.min 24M\n"
                   "   ├─ pod victim            memory.min 24M (pod and container)\n"
                   "   └─ besteffort ── pod slab",
           .load = "The victim holds 16M of page cache, at rest. A process in slab makes 30000 "
                   "unnamed files in memory and holds them: 30 MB of inodes, dentries and files "
                   "that nothing can reclaim. Then the victim reads its file again.",
           .expected =
               "All of the victim's 16M stay at every look, and nothing refaults; the slab's "
               "process is OOM-killed instead.",
           .tolerance = "None: usage is below the protection by some 7M.",
           .control = "memory.min 0 on the whole path: the victim loses pages."},
      .measure = MeasureProtected};
}

Claim MemorySlabZombies() {
  return {
      .id = "memory.slab.zombies",
      .statement = "Groups that were charged for kernel objects are gone for good once removed.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"nr_dying_descendants\"; moby#37722; "
          "commit fb2f2b0adb98 (5.3)",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ── pod ── main ── 100 groups, one after the other",
           .load = "Each group is made, a process in it looks up names that do not exist (kernel "
                   "objects that outlive it), and the group is removed.",
           .expected = "nr_dying_descendants of main falls to 0 within 5 s.",
           .tolerance = "Two a CPU: each may keep the last group that it charged pages to, and the "
                        "last that it charged objects to, until it charges another.",
           .control = "Each process charges a page of a file in memory that outlives the group: "
                      "the groups stay."},
      .measure = MeasureZombies};
}

}  // namespace nodeproof::conformance
