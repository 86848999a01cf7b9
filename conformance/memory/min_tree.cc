// memory.min in trees: what each group keeps is what the kernel's formula gives it.
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "conformance/memory/effective_protection.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/resting_victim.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

// A pod with one container below kubepods: what it is to hold and its memory.min.
struct Leaf {
  std::string name;
  Bytes cache{0};
  Bytes min{0};
};

struct TreePlan {
  Bytes node{0};
  Bytes slice_min{0};  // of kubepods
  std::vector<Leaf> leaves;
};

// What is left after a hog beside kubepods took all it could get.
struct Squeezed {
  Bytes slice{0};                     // memory.current of kubepods
  std::vector<Bytes> usage = {};      // of each leaf's container
  std::vector<Bytes> effective = {};  // what the formula gives it, at the usage that is left
  std::vector<Bytes> before = {};     // of each leaf's page cache
  Bytes hog{0};
};

Result<bool> IsRecursive(const cgroup::Cgroup& group) {
  const std::string mounts = TRY(ReadFile("/proc/self/mounts"));
  for (const std::string_view line : Split(mounts, '\n')) {
    const auto words = Words(line);
    if (words.size() < 4 || words[2] != "cgroup2") continue;
    if (!group.path().starts_with(words[1])) continue;
    return words[3].find("memory_recursiveprot") != std::string_view::npos;
  }
  return false;
}

kubelet::Pod GuaranteedPod(const std::string& name) {
  return MakePod(name, {{.cpu_request = "100m",
                         .cpu_limit = "100m",
                         .memory_request = "512Mi",
                         .memory_limit = "512Mi"}});
}

Result<capsule::Tree> PlantTree(ArmContext& context, const TreePlan& plan) {
  std::vector<kubelet::Pod> pods;
  for (const Leaf& leaf : plan.leaves) pods.push_back(GuaranteedPod(leaf.name));
  const auto edit = [&](kubelet::Plan& planned) -> Status {
    TRY(SetOnNodeSlice(planned, "memory.min", fmt::format("{}", plan.slice_min.value)));
    for (const Leaf& leaf : plan.leaves) {
      TRY(SetOnPod(planned, leaf.name, "memory.min", fmt::format("{}", leaf.min.value)));
    }
    return {};
  };
  return context.Plant(MemoryNode(), {}, pods, edit,
                       {.memory = plan.node, .protection = plan.slice_min});
}

// Below the capsule, whose limit is met: kubepods, its pods, their containers.
Result<Squeezed> ReadTree(const capsule::Tree& tree, const TreePlan& plan) {
  const auto current = [](const cgroup::Cgroup& group) {
    return cgroup::ReadNumber(group, "memory.current");
  };
  const cgroup::Cgroup& slice = *TRY(tree.NodeSlice());
  ProtectedGroup root{
      .children = {{.usage = TRY(current(slice)), .setting = plan.slice_min.value}}};
  ProtectedGroup& pods = root.children.front();
  Squeezed squeezed{.slice = Bytes{pods.usage}};
  for (const Leaf& leaf : plan.leaves) {
    const int64_t pod = TRY(current(*TRY(tree.Pod(leaf.name))));
    const int64_t container = TRY(current(*TRY(tree.Container(leaf.name, "main"))));
    pods.children.push_back({.usage = pod,
                             .setting = leaf.min.value,
                             .children = {{.usage = container, .setting = leaf.min.value}}});
    squeezed.usage.push_back(Bytes{container});
  }
  ComputeEffectiveProtection(root, TRY(IsRecursive(slice)), ::sysconf(_SC_PAGESIZE));
  for (const ProtectedGroup& pod : pods.children) {
    squeezed.effective.push_back(Bytes{pod.children.front().effective});
  }
  return squeezed;
}

// Fills the leaves, then lets a hog in system.slice grow to `hog` or its end.
Result<Squeezed> Squeeze(ArmContext& context, const capsule::Tree& tree, const TreePlan& plan,
                         Bytes hog_target) {
  std::vector<std::unique_ptr<RestingVictim>> victims;
  std::vector<Bytes> before;
  for (const Leaf& leaf : plan.leaves) {
    before.push_back(Bytes{0});
    if (leaf.cache == Bytes{0}) continue;
    victims.push_back(std::make_unique<RestingVictim>(
        TRY(RestingVictim::Start(context, *TRY(tree.Container(leaf.name, "main")), leaf.cache))));
    before.back() = victims.back()->before();
  }
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = TRY(tree.SystemSlice()), .target = hog_target, .oom_score_adj = 1000}));
  TRY(Await(context, "the hog's end",
            [&]() -> Result<bool> { return hog.Touched() >= hog_target || !TRY(hog.Running()); }));
  Squeezed squeezed = TRY(ReadTree(tree, plan));
  squeezed.before = std::move(before);
  squeezed.hog = hog.Touched();
  return squeezed;
}

// kselftest's tree (test_memcontrol.c, test_memcg_protection), A being the node:
//
//   node 200M ─┬─ kubepods  50M ─┬─ C  memory.min 75M,  50M of page cache   keeps 29M
//              │                 ├─ D  memory.min 25M,  50M                 keeps 21M
//              │                 ├─ E  memory.min 0,    50M                 keeps 0
//              │                 └─ F  memory.min 500M, nothing             0
//              └─ system    a hog of 148M
Result<results::Arm> MeasureKselftest(ArmContext& context) {
  TreePlan plan{.node = MiB(200),
                .slice_min = MiB(50),
                .leaves = {{"c", MiB(50), MiB(75)},
                           {"d", MiB(50), MiB(25)},
                           {"e", MiB(50), Bytes{0}},
                           {"f", Bytes{0}, MiB(500)}}};
  if (!context.Protected()) {
    plan.slice_min = Bytes{0};
    for (Leaf& leaf : plan.leaves) leaf.min = Bytes{0};
  }
  const Bytes hog = MiB(148);
  const capsule::Tree tree = TRY(PlantTree(context, plan));
  const Squeezed squeezed = TRY(Squeeze(context, tree, plan, hog));
  const auto close = [](std::string name, Bytes expected, Bytes measured) {
    // values_close(): within 10 % of the sum of both.
    const double sum = static_cast<double>(expected.value + measured.value);
    return measure::ExactCheck(
        std::move(name),
        {static_cast<double>(expected.value), results::Relation::kWithin, sum / 10, "bytes"},
        static_cast<double>(measured.value));
  };
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "memory.min as in kselftest" : "memory.min 0 everywhere");
  arm.checks = {BytesAtLeast("memory.current of kubepods", MiB(50), squeezed.slice, MiB(2)),
                BytesAtMost("the same, at most", MiB(50), squeezed.slice, MiB(2)),
                close("memory.current of C", MiB(29), squeezed.usage[0]),
                close("memory.current of D", MiB(21), squeezed.usage[1]),
                BytesAtMost("memory.current of E", MiB(2), squeezed.usage[2]),
                BytesAtMost("memory.current of F", Bytes{0}, squeezed.usage[3])};
  arm.load = {BytesDone("anon hog", hog, squeezed.hog)};
  for (size_t i = 0; i < 3; ++i) {
    arm.load.push_back(BytesDone("page cache of " + plan.leaves[i].name, plan.leaves[i].cache,
                                 squeezed.before[i]));
  }
  return arm;
}

// Three to four leaves of 8 to 20M each, with memory.min from nothing to more than they use, below
// a kubepods with memory.min of a third to all of that.
TreePlan RandomTree(std::mt19937_64& random) {
  const auto pick = [&](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  };
  TreePlan plan;
  int64_t sum = 0;
  const int64_t leaves = pick(3, 4);
  for (int64_t i = 0; i < leaves; ++i) {
    const int64_t cache = pick(8, 20);
    sum += cache;
    plan.leaves.push_back(
        {fmt::format("leaf{}", i), MiB(cache), MiB(pick(0, 3) == 0 ? 0 : pick(4, cache + 8))});
  }
  plan.slice_min = MiB(pick(sum / 3, sum));
  plan.node = MiB(sum + 24);
  return plan;
}

constexpr int kTrees = 2;
// Reclaim frees up to 32 pages of a list at once and each CPU may hold 15 pages that are on no list
// yet (SWAP_CLUSTER_MAX, PAGEVEC_SIZE); what processes and their page tables take cannot be
// reclaimed at all.
constexpr Bytes kSlack = MiB(2);

// node ─┬─ kubepods  memory.min M ─┬─ leaf0 … memory.min m, page cache u
//       └─ system    a hog of all the node
Result<results::Arm> MeasureRandom(ArmContext& context) {
  results::Arm arm;
  arm.description =
      context.Protected() ? fmt::format("{} trees", kTrees) : "the same trees with memory.min 0";
  Bytes worst_lost{0};
  Bytes worst_kept{0};
  for (int i = 0; i < kTrees; ++i) {
    const TreePlan plan = RandomTree(context.random());
    TreePlan written = plan;
    if (!context.Protected()) {
      written.slice_min = Bytes{0};
      for (Leaf& leaf : written.leaves) leaf.min = Bytes{0};
    }
    const capsule::Tree tree = TRY(PlantTree(context, written));
    // It wants more than there is, and is OOM-killed when nothing can be reclaimed any more.
    Squeezed squeezed = TRY(Squeeze(context, tree, written, plan.node));
    squeezed.effective = TRY(ReadTree(tree, plan)).effective;
    std::string note =
        fmt::format("tree {}: kubepods memory.min {}", i, FormatBytes(plan.slice_min));
    for (size_t leaf = 0; leaf < plan.leaves.size(); ++leaf) {
      const Bytes usage = squeezed.usage[leaf];
      const Bytes effective = squeezed.effective[leaf];
      worst_lost = std::max(worst_lost, effective - usage);
      worst_kept = std::max(worst_kept, usage - effective);
      note +=
          fmt::format("; {} of {} with min {}: {} left, {} by the formula", plan.leaves[leaf].name,
                      FormatBytes(plan.leaves[leaf].cache), FormatBytes(plan.leaves[leaf].min),
                      FormatBytes(usage), FormatBytes(effective));
      arm.load.push_back(
          BytesDone(fmt::format("page cache of {}, tree {}", plan.leaves[leaf].name, i),
                    plan.leaves[leaf].cache, squeezed.before[leaf]));
    }
    arm.notes.push_back(std::move(note));
    arm.tree.insert(arm.tree.end(), tree.entries().begin(), tree.entries().end());
  }
  arm.checks = {
      BytesAtMost("protection lost by the leaf that lost most", Bytes{0}, worst_lost, kSlack),
      BytesAtMost("memory kept beyond it by the leaf that kept most", Bytes{0}, worst_kept,
                  kSlack)};
  return arm;
}

}  // namespace

Claim MemoryMinTree() {
  return {.id = "memory.min.tree",
          .statement = "Siblings share their parent's memory.min by what they use of their own.",
          .source = "tools/testing/selftests/cgroup/test_memcontrol.c, test_memcg_protection",
          .needs = {.controllers = kMemoryControllers,
                    .memory = MiB(512),
                    .scratch = true,
                    .realtime = true,
                    .why_realtime = "its page cache needs a disk"},
          .explanation =
              {.tree = "node 200M ─┬─ kubepods  memory.min 50M ─┬─ pod C  memory.min 75M\n"
                       "           │                            ├─ pod D  memory.min 25M\n"
                       "           │                            ├─ pod E  memory.min 0\n"
                       "           │                            └─ pod F  memory.min 500M\n"
                       "           └─ system.slice",
               .load = "C, D and E read 50M each into the page cache, F nothing. Then a hog in "
                       "system.slice grows to 148M of anonymous memory.",
               .expected = "kubepods keeps 50M: C 29M, D 21M, E and F nothing.",
               .tolerance =
                   "kselftest's for C and D: 10 % of the sum of expected and measured, because "
                   "how the two share depends on the order in which they are scanned. 2M of "
                   "kubepods and E: what processes and page tables take cannot be reclaimed.",
               .control = "memory.min 0 everywhere: kubepods keeps less."},
          .measure = MeasureKselftest};
}

Claim MemoryMinRandomTrees() {
  return {
      .id = "memory.min.random-trees",
      .statement =
          "In any tree, each group keeps the effective protection that the kernel's "
          "formula gives it, and no more.",
      .source =
          "mm/memcontrol.c, effective_protection(); mm/page_counter.c, "
          "propagate_protected_usage()",
      .needs = {.controllers = kMemoryControllers,
                .memory = MiB(512),
                .scratch = true,
                .realtime = true,
                .why_realtime = "its page cache needs a disk"},
      .explanation =
          {.tree = "node ─┬─ kubepods  memory.min M ─┬─ leaf0  memory.min m0\n"
                   "      │                          └─ … three or four of them\n"
                   "      └─ system.slice",
           .load = "Two trees, random by the run's seed. The leaves read 8 to 20M each; a hog in "
                   "system.slice grows until it is OOM-killed: nothing can be reclaimed any more.",
           .expected = "What each leaf still holds is its effective protection by the formula, at "
                       "the usages that are left, with memory_recursiveprot as the hierarchy is "
                       "mounted.",
           .tolerance =
               "2M: 32 pages that reclaim frees of each list at once, pages that are on no "
               "list yet, and what processes and page tables take.",
           .control = "memory.min 0 everywhere: some leaf holds less than the formula would give."},
      .measure = MeasureRandom};
}

}  // namespace nodeproof::conformance
