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

// How far a group can end below its protection: reclaim frees up to 32 pages of a list at once
// (SWAP_CLUSTER_MAX), and the last charge batch of 64 pages a CPU may have been drained since.
constexpr Bytes kLost = KiB(512);
// And above it: pages that are on no list yet (15 a CPU), what processes and page tables take.
constexpr Bytes kBeyond = MiB(2);

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

// Fills the leaves, then lets a hog in system.slice grow to `hog_target` or its end. The formula is
// asked for what `plan` sets, whatever the tree has.
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

// kselftest's tree (test_memcontrol.c, test_memcg_protection) at half its size, A being the node:
//
//   node 100M ─┬─ kubepods  25M ─┬─ C  memory.min 37.5M, 25M of page cache   keeps 12.5 to 16.7M
//              │                 ├─ D  memory.min 12.5M, 25M                 keeps 8.3 to 12.5M
//              │                 ├─ E  memory.min 0,     25M                 keeps nothing
//              │                 └─ F  memory.min 250M,  nothing             nothing
//              └─ system    a hog of 74M
//
// C and D share 25M by their protected usage p: p_C / (p_C + p_D) of it, where p_D is 12.5M and p_C
// falls from 25M. Each is scanned while it holds more than its share, so C ends between 12.5M (D
// scanned last) and 25 x 25 / 37.5 = 16.7M (C scanned last), and D holds the rest. kselftest's 29M
// and 21M are the middle of that.
Result<results::Arm> MeasureKselftest(ArmContext& context) {
  TreePlan plan{.node = MiB(100),
                .slice_min = MiB(25),
                .leaves = {{"c", MiB(25), KiB(38'400)},
                           {"d", MiB(25), KiB(12'800)},
                           {"e", MiB(25), Bytes{0}},
                           {"f", Bytes{0}, MiB(250)}}};
  if (!context.Protected()) {
    plan.slice_min = Bytes{0};
    for (Leaf& leaf : plan.leaves) leaf.min = Bytes{0};
  }
  const Bytes hog = MiB(74);
  const capsule::Tree tree = TRY(PlantTree(context, plan));
  const Squeezed squeezed = TRY(Squeeze(context, tree, plan, hog));
  const auto within = [](std::string name, Bytes least, Bytes most, Bytes measured) {
    return measure::ExactCheck(
        std::move(name),
        {static_cast<double>(least.value + most.value) / 2, results::Relation::kWithin,
         static_cast<double>((most - least).value) / 2 + static_cast<double>(kLost.value), "bytes"},
        static_cast<double>(measured.value));
  };
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "memory.min as in kselftest" : "memory.min 0 everywhere");
  arm.checks = {
      within("memory.current of C", KiB(12'800), KiB(17'067), squeezed.usage[0]),
      within("memory.current of D", KiB(8'533), KiB(12'800), squeezed.usage[1]),
      BytesAtLeast("C and D together", MiB(25), squeezed.usage[0] + squeezed.usage[1], kLost * 2),
      BytesAtMost("memory.current of E", kBeyond, squeezed.usage[2]),
      BytesAtMost("memory.current of F", Bytes{0}, squeezed.usage[3])};
  // The node was full: whatever kubepods kept, it kept under pressure.
  arm.load = {BytesDone("node filled", plan.node - MiB(4), squeezed.hog + squeezed.slice)};
  for (size_t i = 0; i < 3; ++i) {
    arm.load.push_back(BytesDone("page cache of " + plan.leaves[i].name, plan.leaves[i].cache,
                                 squeezed.before[i]));
  }
  return arm;
}

// Three leaves of 10 to 16M each. In the first tree each has a memory.min of its own below what it
// uses and kubepods just their sum: every leaf keeps exactly its own. In the second kubepods has
// less than its children ask for, or more: it keeps exactly that, whoever holds it.
TreePlan RandomTree(std::mt19937_64& random, bool exact) {
  const auto pick = [&](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  };
  TreePlan plan;
  int64_t caches = 0;
  int64_t mins = 0;
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t cache = pick(10, 16);
    const int64_t min = exact ? pick(8, cache) : pick(0, cache + 8);
    caches += cache;
    mins += min;
    plan.leaves.push_back({fmt::format("leaf{}", i), MiB(cache), MiB(min)});
  }
  plan.slice_min = MiB(exact ? mins : pick(caches / 2, caches - 4));
  plan.node = MiB(caches + 24);
  return plan;
}

// What must be true of one squeezed tree, each the worst so far.
struct Worst {
  Bytes lost{0};          // below a leaf's own memory.min, where kubepods covers all
  Bytes slice_lost{0};    // below that of kubepods
  Bytes slice_beyond{0};  // above it
  Bytes beyond{0};        // above what the formula gives a leaf

  void Add(const TreePlan& plan, const Squeezed& squeezed) {
    Bytes mins{0};
    for (const Leaf& leaf : plan.leaves) mins = mins + std::min(leaf.min, leaf.cache);
    for (size_t i = 0; i < plan.leaves.size(); ++i) {
      const Leaf& leaf = plan.leaves[i];
      if (mins <= plan.slice_min) {
        lost = std::max(lost, std::min(leaf.min, leaf.cache) - squeezed.usage[i]);
      }
      beyond = std::max(beyond, squeezed.usage[i] - squeezed.effective[i]);
    }
    slice_lost = std::max(slice_lost, plan.slice_min - squeezed.slice);
    slice_beyond = std::max(slice_beyond, squeezed.slice - plan.slice_min);
  }
};

std::string Describe(const TreePlan& plan, const Squeezed& squeezed) {
  std::string text = fmt::format("kubepods memory.min {}, {} left", FormatBytes(plan.slice_min),
                                 FormatBytes(squeezed.slice));
  for (size_t i = 0; i < plan.leaves.size(); ++i) {
    const Leaf& leaf = plan.leaves[i];
    text += fmt::format("; {} of {} with {}: {} left, {} by the formula", leaf.name,
                        FormatBytes(leaf.cache), FormatBytes(leaf.min),
                        FormatBytes(squeezed.usage[i]), FormatBytes(squeezed.effective[i]));
  }
  return text;
}

// node ─┬─ kubepods  memory.min M ─┬─ leaf0 … memory.min m, page cache u
//       └─ system    a hog of all the node
Result<results::Arm> MeasureRandom(ArmContext& context) {
  results::Arm arm;
  arm.description =
      context.Protected() ? "two trees" : "the same trees with memory.min 0 everywhere";
  Worst worst;
  for (const bool exact : {true, false}) {
    const TreePlan plan = RandomTree(context.random(), exact);
    TreePlan written = plan;
    if (!context.Protected()) {
      written.slice_min = Bytes{0};
      for (Leaf& leaf : written.leaves) leaf.min = Bytes{0};
    }
    const capsule::Tree tree = TRY(PlantTree(context, written));
    // It wants more than there is, and is OOM-killed when nothing can be reclaimed any more.
    const Squeezed squeezed = TRY(Squeeze(context, tree, plan, plan.node));
    worst.Add(plan, squeezed);
    arm.notes.push_back(Describe(plan, squeezed));
    arm.tree.insert(arm.tree.end(), tree.entries().begin(), tree.entries().end());
    for (size_t i = 0; i < plan.leaves.size(); ++i) {
      arm.load.push_back(BytesDone("page cache of " + plan.leaves[i].name, plan.leaves[i].cache,
                                   squeezed.before[i]));
    }
    arm.load.push_back(BytesDone("anon hog", MiB(16), squeezed.hog));
  }
  arm.checks = {
      BytesAtMost("lost below its memory.min by a leaf", Bytes{0}, worst.lost, kLost),
      BytesAtMost("lost below its memory.min by kubepods", Bytes{0}, worst.slice_lost, kLost),
      BytesAtMost("kept above it by kubepods", Bytes{0}, worst.slice_beyond, kBeyond),
      BytesAtMost("kept above the formula by a leaf", Bytes{0}, worst.beyond, kBeyond)};
  return arm;
}

}  // namespace

Claim MemoryMinTree() {
  return {
      .id = "memory.min.tree",
      .statement = "Siblings share their parent's memory.min by what they use of their own.",
      .source = "tools/testing/selftests/cgroup/test_memcontrol.c, test_memcg_protection",
      .needs = {.controllers = kMemoryControllers,
                .memory = MiB(512),
                .scratch = true,
                .realtime = true,
                .why_realtime = "its page cache needs a disk"},
      .explanation =
          {.tree = "node 100M ─┬─ kubepods  memory.min 25M ─┬─ pod C  memory.min 37.5M\n"
                   "           │                            ├─ pod D  memory.min 12.5M\n"
                   "           │                            ├─ pod E  memory.min 0\n"
                   "           │                            └─ pod F  memory.min 250M\n"
                   "           └─ system.slice",
           .load = "C, D and E read 25M each into the page cache, F nothing. Then a hog in "
                   "system.slice grows to 74M of anonymous memory. kselftest's tree at half its "
                   "size.",
           .expected = "C keeps 12.5 to 16.7M, D 8.3 to 12.5M, together 25M; E and F nothing. "
                       "(kselftest's 29M and 21M, halved, are the middle.)",
           .tolerance =
               "Each is scanned while it holds more than its share of 25M, by protected "
               "usage: where the two end depends on who is scanned last, hence the ranges. "
               "512K below: 32 pages that reclaim frees of a list at once and charge "
               "batches. 2M of E: what processes and page tables take.",
           .control = "memory.min 0 everywhere: C, D and E keep the same."},
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
           .load = "Two trees, random by the run's seed. Three leaves read 10 to 16M each; a hog "
                   "in system.slice grows until it is OOM-killed: nothing can be reclaimed any "
                   "more. In the first tree M is the sum of the leaves' memory.min, in the second "
                   "it is not.",
           .expected =
               "First tree: each leaf keeps its memory.min. Both: kubepods keeps M (what its "
               "children do not claim is shared among them where the hierarchy is mounted "
               "with memory_recursiveprot), and no leaf more than its effective protection "
               "by the kernel's formula at the usages that are left.",
           .tolerance =
               "Below: 512K, for 32 pages that reclaim frees of a list at once and charge "
               "batches of 64 pages a CPU. Above: 2M, for pages that are on no list yet and "
               "what processes and page tables take.",
           .control = "memory.min 0 everywhere: the leaves lose all."},
      .measure = MeasureRandom};
}

}  // namespace nodeproof::conformance
