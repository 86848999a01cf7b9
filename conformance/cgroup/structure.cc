// The shape of a tree: no processes in inner groups, and how many groups there may be.
#include <unistd.h>

#include <cerrno>

#include "conformance/cgroup/cgroup_claims.h"
#include "conformance/cgroup/processes.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

int Rest() {
  for (;;) ::pause();
}

// node ─┬─ system.slice                                 a process that is to move
//       └─ kubepods ── besteffort ─┬─ pod ── main
//                                  └─ other ── main ── nested      processes in main
Result<results::Arm> MeasureNoInternalProcess(ArmContext& context) {
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}}), MakePod("other", {{}})}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& other = *TRY(tree.Container("other", "main"));
  // The control arm's groups are leaves.
  const cgroup::Cgroup inner = TRY(main.CreateChild("inner"));
  const cgroup::Cgroup below = TRY(inner.CreateChild("below"));
  if (context.Protected()) {
    TRY(main.EnableControllers({"memory"}));
    TRY(inner.EnableControllers({"memory"}));
  }
  const cgroup::Cgroup& system = *TRY(tree.SystemSlice());
  cgroup::Process mover = TRY(cgroup::Process::Spawn({.name = "mover", .group = &system}, Rest));
  std::vector<const cgroup::Cgroup*> groups = {&inner, &main};
  if (context.Protected()) {
    groups.push_back(TRY(tree.Pod("pod")));
    groups.push_back(TRY(tree.QosSlice("pod")));
    groups.push_back(TRY(tree.NodeSlice()));
  }
  int64_t moves = 0;
  int64_t births = 0;
  for (const cgroup::Cgroup* group : groups) {
    moves += CodeOf(group->Write("cgroup.procs", fmt::format("{}", mover.pid()))) == EBUSY;
    births += TRY(BirthError(context, *group)) == EBUSY;
  }
  // The other way round: a group that holds a process becomes an inner one.
  cgroup::Process holder = TRY(cgroup::Process::Spawn({.name = "holder", .group = &other}, Rest));
  const cgroup::Cgroup nested = TRY(other.CreateChild("nested"));
  const int enabled = CodeOf(other.EnableControllers({"memory"}));
  const int left = CodeOf(below.Write("cgroup.procs", fmt::format("{}", mover.pid())));

  results::Arm arm = DescribedArm(tree, context.Protected() ? "controllers on for the children"
                                                            : "no controllers for the children");
  const auto tried = static_cast<int64_t>(groups.size());
  arm.checks = {CountIs("moves into inner groups that failed with EBUSY", tried, moves),
                CountIs("births into inner groups that failed with EBUSY", tried, births),
                CountIs("errno of turning memory on for the children of a group with a process",
                        EBUSY, enabled),
                CountIs("errno of a move into the leaf below them", 0, left)};
  arm.load = {{"processes to move", "count", 1, TRY(mover.Running()) ? 1.0 : 0.0}};
  return arm;
}

struct Made {
  std::vector<cgroup::Cgroup> groups;
  int refusal = 0;  // the errno that ended it
};

// More than any limit leaves room for. A limit leaves room for more than ten, so that a tenth more
// is a group more.
constexpr int64_t kWanted = 16;
constexpr int64_t kFirstRoom = 11;

// Makes groups in `root` until it is refused or has kWanted, side by side or each in the last one.
Made MakeGroups(const cgroup::Cgroup& root, bool chain) {
  Made made;
  made.groups.reserve(kWanted);
  for (int64_t i = 0; i < kWanted; ++i) {
    const cgroup::Cgroup& parent = chain && i > 0 ? made.groups.back() : root;
    auto group = parent.CreateChild(fmt::format("group-{}", i));
    if (!group) {
      made.refusal = group.error().code;
      break;
    }
    made.groups.push_back(std::move(*group));
  }
  return made;
}

Status Remove(const Made& made) {
  for (auto group = made.groups.rbegin(); group != made.groups.rend(); ++group) {
    TRY(group->Destroy());
  }
  return {};
}

Result<results::Arm> MeasureGroupLimit(ArmContext& context, bool depth) {
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const std::string file = depth ? "cgroup.max.depth" : "cgroup.max.descendants";
  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "a limit at each level in turn" : "no limit");
  int64_t more = kFirstRoom;  // groups that there may be beside those that stand
  double tried = 0;
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod", "besteffort"));
  // From kubepods down; a level's index is how many others stand below it.
  for (size_t below = levels.size(); below-- > 0;) {
    const PodLevel& level = levels[below];
    const int64_t stand = depth ? static_cast<int64_t>(below)
                                : TRY(Counter(*level.group, "cgroup.stat", "nr_descendants"));
    if (context.Protected()) TRY(level.group->Write(file, fmt::format("{}", stand + more)));
    const Made made = MakeGroups(main, depth);
    const auto count = static_cast<int64_t>(made.groups.size());
    tried += static_cast<double>(count) + (made.refusal != 0);
    arm.checks.push_back(
        CountIs(fmt::format("groups that could be made, limit of {}", level.name), more, count));
    arm.checks.push_back(
        CountIs(fmt::format("errno of one more, limit of {}", level.name), EAGAIN, made.refusal));
    if (!depth) {
      arm.checks.push_back(CountIs(fmt::format("nr_descendants of {}", level.name), stand + count,
                                   TRY(Counter(*level.group, "cgroup.stat", "nr_descendants"))));
    }
    TRY(Remove(made));
    TRY(level.group->Write(file, "max"));
    ++more;
  }
  arm.load = {{"groups", "tried", 4 * kFirstRoom, tried}};
  return arm;
}

}  // namespace

Claim CgroupNoInternalProcess() {
  return {
      .id = "cgroup.no-internal-process",
      .statement = "A group that distributes resources to its children holds no processes.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"No Internal Process Constraint\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node ─┬─ system.slice\n"
                   "      └─ kubepods ── besteffort ─┬─ pod ── main ── inner ── below\n"
                   "                                 └─ other ── main ── nested",
           .load = "A process of system.slice is to move to each of inner, main, the pod, "
                   "besteffort and kubepods, and one is to be born in each. In other, memory is to "
                   "be turned on for the children of a group that holds a process.",
           .expected = "EBUSY each time. A move to the leaf below succeeds.",
           .tolerance = "Refusals are counted: none.",
           .control = "main and inner have no controllers on for their children."},
      .measure = MeasureNoInternalProcess};
}

Claim CgroupMaxDescendants() {
  return {
      .id = "cgroup.max-descendants",
      .statement =
          "No more groups can be made below a group than its cgroup.max.descendants, on "
          "whatever level they are.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cgroup.max.descendants\"; "
          "kernel/cgroup/cgroup.c, cgroup_check_hierarchy_limits()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "kubepods ── besteffort ── pod ── main ── group-0, group-1, …",
           .load = "Groups are made side by side in main, with a limit on kubepods, besteffort, "
                   "the pod and main in turn, of 11 to 14 more than stand below it.",
           .expected = "That many can be made; one more fails with EAGAIN. nr_descendants tells "
                       "how many there are.",
           .tolerance = "Groups are counted: none. A tenth more of any limit is a group more.",
           .control = "No limit: 16 can be made each time."},
      .measure = [](ArmContext& context) { return MeasureGroupLimit(context, false); }};
}

Claim CgroupMaxDepth() {
  return {
      .id = "cgroup.max-depth",
      .statement = "No group can be made deeper below a group than its cgroup.max.depth.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cgroup.max.depth\"; "
          "kernel/cgroup/cgroup.c, cgroup_check_hierarchy_limits()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "kubepods ── besteffort ── pod ── main ── group-0 ── group-1 ── …",
           .load = "Groups are made in main, each in the one before, with a limit on kubepods, "
                   "besteffort, the pod and main in turn, that leaves 11 to 14 levels below main.",
           .expected = "That many can be made; one more fails with EAGAIN.",
           .tolerance = "Groups are counted: none. A tenth more of any limit is a group more.",
           .control = "No limit: 16 can be made each time."},
      .measure = [](ArmContext& context) { return MeasureGroupLimit(context, true); }};
}

}  // namespace nodeproof::conformance
