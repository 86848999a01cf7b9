// memory.min in kselftest's tree: siblings share what their parent has.
#include <algorithm>
#include <iterator>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/protected_tree.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

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
                .slice = MiB(25),
                .leaves = {{"c", MiB(25), KiB(38'400)},
                           {"d", MiB(25), KiB(12'800)},
                           {"e", MiB(25), Bytes{0}},
                           {"f", Bytes{0}, MiB(250)}}};
  if (!context.Protected()) plan = Unprotected(plan);
  const Bytes hog = MiB(74);
  const capsule::Tree tree = TRY(PlantTree(context, plan));
  const Squeezed squeezed = TRY(Squeeze(context, tree, plan, hog));
  const auto within = [](std::string name, Bytes least, Bytes most, Bytes measured) {
    return measure::ExactCheck(
        std::move(name),
        {static_cast<double>(least.value + most.value) / 2, results::Relation::kWithin,
         static_cast<double>((most - least).value) / 2 + static_cast<double>(kLostToReclaim.value),
         "bytes"},
        static_cast<double>(measured.value));
  };
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "memory.min as in kselftest" : "memory.min 0 everywhere");
  arm.checks = {within("memory.current of C", KiB(12'800), KiB(17'067), squeezed.usage[0]),
                within("memory.current of D", KiB(8'533), KiB(12'800), squeezed.usage[1]),
                BytesAtLeast("C and D together", MiB(25), squeezed.usage[0] + squeezed.usage[1],
                             kLostToReclaim * 2),
                BytesAtMost("memory.current of E", kBeyondReclaim, squeezed.usage[2]),
                BytesAtMost("memory.current of F", Bytes{0}, squeezed.usage[3])};
  // The node was full: whatever kubepods kept, it kept under pressure.
  arm.load = {BytesDone("node filled", plan.node - MiB(4), squeezed.hog + squeezed.slice)};
  std::ranges::copy(CachesFilled(plan, squeezed), std::back_inserter(arm.load));
  return arm;
}

}  // namespace

Claim MemoryMinTree() {
  return {
      .id = "memory.min.tree",
      .statement = "Siblings share their parent's memory.min by what they use of their own.",
      .source = "tools/testing/selftests/cgroup/test_memcontrol.c, test_memcg_protection",
      .needs = PageCacheNeeds(MiB(512)),
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

}  // namespace nodeproof::conformance
