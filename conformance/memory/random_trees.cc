// memory.min and memory.low in random trees: what each group keeps is what the kernel's formula
// gives it.
#include <algorithm>
#include <iterator>
#include <numeric>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/protected_tree.h"
#include "conformance/memory/recursive_protection.h"
#include "harness/base/file.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

int64_t Pick(std::mt19937_64& random, int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(random);
}

Bytes SumOfCaches(const TreePlan& plan) {
  Bytes sum{0};
  for (const Leaf& leaf : plan.leaves) sum = sum + leaf.cache;
  return sum;
}

// What the leaves claim of what they use.
Bytes SumOfClaims(const TreePlan& plan) {
  Bytes sum{0};
  for (const Leaf& leaf : plan.leaves) sum = sum + std::min(leaf.setting, leaf.cache);
  return sum;
}

// Three leaves of 10 to 16M each, or `times` that, without settings yet.
TreePlan RandomLeaves(std::mt19937_64& random, const char* knob, int64_t times = 1) {
  TreePlan plan{.knob = knob};
  for (int i = 0; i < 3; ++i) {
    const Bytes cache = MiB(Pick(random, 10, 16)) * times;
    plan.leaves.push_back({fmt::format("leaf{}", i), cache, Bytes{0}});
  }
  plan.node = SumOfCaches(plan) + MiB(24);
  return plan;
}

// In the first kind of tree each leaf has a memory.min of its own below what it uses and kubepods
// just their sum: every leaf keeps exactly its own. In the second kubepods has less than its
// children ask for, or more.
TreePlan RandomTree(std::mt19937_64& random, bool exact) {
  TreePlan plan = RandomLeaves(random, "memory.min");
  for (Leaf& leaf : plan.leaves) {
    const int64_t cache = leaf.cache.value >> 20;
    leaf.setting = MiB(exact ? Pick(random, 8, cache) : Pick(random, 0, cache + 8));
  }
  const int64_t caches = SumOfCaches(plan).value >> 20;
  plan.slice = exact ? SumOfClaims(plan) : MiB(Pick(random, caches / 2, caches - 4));
  return plan;
}

// What kubepods keeps of `plan`: its own setting, which its children share whether they claim it or
// not; without memory_recursiveprot no more than they claim.
Bytes KeptBySlice(const TreePlan& plan, bool recursive) {
  return recursive ? plan.slice : std::min(plan.slice, SumOfClaims(plan));
}

// What must be true of one squeezed tree, each the worst so far.
struct Worst {
  Bytes lost{0};          // below a leaf's own setting, where kubepods covers all
  Bytes slice_lost{0};    // below what kubepods is to keep
  Bytes slice_beyond{0};  // above it
  Bytes beyond{0};        // above what the formula gives a leaf

  void Add(const TreePlan& plan, const Squeezed& squeezed, bool recursive) {
    for (size_t i = 0; i < plan.leaves.size(); ++i) {
      const Leaf& leaf = plan.leaves[i];
      if (SumOfClaims(plan) <= plan.slice) {
        lost = std::max(lost, std::min(leaf.setting, leaf.cache) - squeezed.usage[i]);
      }
      beyond = std::max(beyond, squeezed.usage[i] - squeezed.effective[i]);
    }
    const Bytes kept = KeptBySlice(plan, recursive);
    slice_lost = std::max(slice_lost, kept - squeezed.slice);
    slice_beyond = std::max(slice_beyond, squeezed.slice - kept);
  }
};

results::Check LostByLeaf(const TreePlan& plan, Bytes lost) {
  return BytesAtMost(fmt::format("lost below its {} by a leaf", plan.knob), Bytes{0}, lost,
                     kLostToReclaim);
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
    const capsule::Tree tree =
        TRY(PlantTree(context, context.Protected() ? plan : Unprotected(plan)));
    // It wants more than there is, and is OOM-killed when nothing can be reclaimed any more.
    const Squeezed squeezed = TRY(Squeeze(context, tree, plan, plan.node));
    worst.Add(plan, squeezed, TRY(IsRecursive(*TRY(tree.NodeSlice()))));
    arm.notes.push_back(Describe(plan, squeezed));
    std::ranges::copy(tree.entries(), std::back_inserter(arm.tree));
    std::ranges::copy(CachesFilled(plan, squeezed), std::back_inserter(arm.load));
    arm.load.push_back(BytesDone("anon hog", MiB(16), squeezed.hog));
  }
  arm.checks = {
      BytesAtMost("lost below its memory.min by a leaf", Bytes{0}, worst.lost, kLostToReclaim),
      BytesAtMost("lost below its part by kubepods", Bytes{0}, worst.slice_lost, kLostToReclaim),
      BytesAtMost("kept above it by kubepods", Bytes{0}, worst.slice_beyond, kBeyondReclaim),
      BytesAtMost("kept above the formula by a leaf", Bytes{0}, worst.beyond, kBeyondReclaim)};
  return arm;
}

// As above, but the leaves claim a third to a half of what they hold, and kubepods has enough for
// nearly all of it. They are twice as large: where nothing is handed on, a leaf whose own
// memory.min acts like a tenth less shows, which its parent's would make up for otherwise.
TreePlan LittleClaimed(std::mt19937_64& random) {
  TreePlan plan = RandomLeaves(random, "memory.min", 2);
  for (Leaf& leaf : plan.leaves) {
    const int64_t cache = leaf.cache.value >> 20;
    leaf.setting = MiB(Pick(random, cache / 3, cache / 2));
  }
  plan.slice = SumOfCaches(plan) - MiB(4);
  return plan;
}

// node ─┬─ kubepods  memory.min M ─┬─ leaf0 … memory.min m of u/3 to u/2, page cache u
//       └─ system    a hog of all the node
Result<results::Arm> MeasureNotHandedOn(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::string& path = context.environment().capsule->group().path();
  const auto mounted = TRY(RecursiveProtection::Set(ParentPath(path), !is_protected));
  const TreePlan plan = LittleClaimed(context.random());
  const capsule::Tree tree = TRY(PlantTree(context, plan));
  const Squeezed squeezed = TRY(Squeeze(context, tree, plan, plan.node));
  Worst worst;
  worst.Add(plan, squeezed, false);
  results::Arm arm = DescribedArm(tree, is_protected ? "mounted without memory_recursiveprot"
                                                     : "mounted with memory_recursiveprot");
  arm.checks = {
      BytesAtMost("kept by kubepods above what its children claim", Bytes{0}, worst.slice_beyond,
                  kBeyondReclaim),
      LostByLeaf(plan, worst.lost),
      BytesAtMost("kept above the formula by a leaf", Bytes{0}, worst.beyond, kBeyondReclaim)};
  arm.notes.push_back(Describe(plan, squeezed));
  arm.load = CachesFilled(plan, squeezed);
  arm.load.push_back(BytesDone("anon hog", MiB(16), squeezed.hog));
  return arm;
}

// What the hog leaves beside what is protected: memory.low yields when nothing else is left, so
// that there must always be a little else. What the hog's and the node's own processes take is less
// than 2M.
constexpr Bytes kSlack = MiB(5);

// One leaf that claims nearly all it holds, one half of it, one a quarter. A tenth of kubepods'
// memory.low is then 5M and more. With a tenth less of it the first leaf loses some 3M of its own,
// because all lose in proportion to what is not protected; with a tenth more there is too little
// else to take, which counts as `low`.
TreePlan UnevenlyLow(std::mt19937_64& random) {
  TreePlan plan = RandomLeaves(random, "memory.low", 3);
  std::vector<Bytes> settings = {plan.leaves[0].cache - MiB(1),
                                 Bytes{plan.leaves[1].cache.value / 2},
                                 Bytes{plan.leaves[2].cache.value / 4}};
  for (size_t i = 0; i < settings.size(); ++i) plan.leaves[i].setting = settings[i];
  std::ranges::shuffle(plan.leaves, random);
  plan.slice = SumOfClaims(plan);
  return plan;
}

// node ─┬─ kubepods  memory.low M ─┬─ leaf0 … memory.low m, page cache u
//       └─ system    a hog of the node less M and 5M
Result<results::Arm> MeasureLow(ArmContext& context) {
  const TreePlan plan = UnevenlyLow(context.random());
  const capsule::Tree tree =
      TRY(PlantTree(context, context.Protected() ? plan : Unprotected(plan)));
  const Bytes hog = plan.node - plan.slice - kSlack;
  const Squeezed squeezed = TRY(Squeeze(context, tree, plan, hog));
  Worst worst;
  worst.Add(plan, squeezed, true);
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "memory.low on the whole path" : "memory.low 0 everywhere");
  arm.checks = {LostByLeaf(plan, worst.lost),
                BytesAtMost("kept by kubepods above its memory.low", kSlack, worst.slice_beyond),
                CountIs("low in memory.events of kubepods", 0,
                        TRY(Counter(*TRY(tree.NodeSlice()), "memory.events", "low")))};
  arm.notes.push_back(Describe(plan, squeezed));
  arm.load = CachesFilled(plan, squeezed);
  arm.load.push_back(BytesDone("anon hog", hog, squeezed.hog));
  return arm;
}

constexpr const char* kFormula =
    "mm/memcontrol.c, effective_protection(); mm/page_counter.c, propagate_protected_usage()";

}  // namespace

Claim MemoryMinRandomTrees() {
  return {
      .id = "memory.min.random-trees",
      .statement =
          "In any tree, each group keeps the effective protection that the kernel's "
          "formula gives it, and no more.",
      .source = kFormula,
      .needs = PageCacheNeeds(MiB(512)),
      .explanation =
          {.tree = "node ─┬─ kubepods  memory.min M ─┬─ leaf0  memory.min m0\n"
                   "      │                          └─ … three of them\n"
                   "      └─ system.slice",
           .load = "Two trees, random by the run's seed. Three leaves read 10 to 16M each; a hog "
                   "in system.slice grows until it is OOM-killed: nothing can be reclaimed any "
                   "more. In the first tree M is the sum of the leaves' memory.min, in the second "
                   "it is not.",
           .expected =
               "First tree: each leaf keeps its memory.min. Both: kubepods keeps M (without "
               "memory_recursiveprot no more than its children claim of it; with it they share "
               "the rest too), and no leaf more than its effective protection by the kernel's "
               "formula at the usages that are left.",
           .tolerance =
               "Below: 512K, for 32 pages that reclaim frees of a list at once and charge "
               "batches of 64 pages a CPU. Above: 2M, for pages that are on no list yet and "
               "what processes and page tables take.",
           .control = "memory.min 0 everywhere: the leaves lose all."},
      .measure = MeasureRandom};
}

Claim MemoryMinNotHandedOn() {
  Needs needs = PageCacheNeeds(MiB(512));
  needs.whole_node = true;
  needs.why_whole_node = "it remounts the cgroup hierarchy";
  return {
      .id = "memory.min.without-recursiveprot",
      .statement =
          "Without memory_recursiveprot a group keeps what it claims itself and nothing of what "
          "its parent has beyond.",
      .source = std::string(kFormula) +
                "; Documentation/admin-guide/cgroup-v2.rst, \"memory_recursiveprot\"",
      .needs = std::move(needs),
      .explanation =
          {.tree = "node ─┬─ kubepods  memory.min M ─┬─ leaf0  memory.min m0\n"
                   "      │                          └─ … three of them\n"
                   "      └─ system.slice",
           .load = "The hierarchy is remounted without the option. As in memory.min.random-trees; "
                   "the leaves hold 20 to 32M each and claim a third to a half of it, and M is 4M "
                   "less than all of it.",
           .expected = "Each leaf keeps its memory.min, kubepods the sum of them and not M.",
           .tolerance = "As in memory.min.random-trees: 512K below, 2M above.",
           .control = "Mounted with the option: kubepods keeps M, 26M more and beyond."},
      .measure = MeasureNotHandedOn};
}

Claim MemoryLowRandomTrees() {
  return {
      .id = "memory.low.random-trees",
      .statement =
          "In a tree, each group keeps its memory.low as long as there is anything else to take.",
      .source = kFormula,
      .needs = PageCacheNeeds(MiB(512)),
      .explanation =
          {.tree = "node ─┬─ kubepods  memory.low M ─┬─ leaf0  memory.low m0\n"
                   "      │                          └─ … three of them\n"
                   "      └─ system.slice",
           .load = "A tree that is random by the run's seed. Three leaves read 30 to 48M each; one "
                   "has a memory.low of nearly all it holds, one of half, one of a quarter; M is "
                   "their sum. A hog in system.slice grows to the node's memory less M and 5M.",
           .expected = "Each leaf keeps its memory.low, kubepods 5M more than M at the most, and "
                       "no `low` event is counted.",
           .tolerance = "Below: 512K, as in memory.min.random-trees.",
           .control = "memory.low 0 everywhere: each leaf loses alike, so that one with much to "
                      "keep loses more than it may."},
      .measure = MeasureLow};
}

}  // namespace nodeproof::conformance
