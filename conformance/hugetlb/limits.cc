// hugetlb.<size>.max and hugetlb.<size>.rsvd.max: the huge pages and the reservations of a group.
#include <cerrno>

#include "conformance/hugetlb/hugetlb_claims.h"
#include "conformance/hugetlb/steps.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/huge_page_user.h"

namespace nodeproof::conformance {
namespace {

constexpr int64_t kPool = 16;
constexpr int64_t kPod = 6;     // what the pod asks for
constexpr int64_t kWanted = 8;  // what its process wants

Result<probe::HugePageUser> Use(const ArmContext& context, const cgroup::Cgroup& group,
                                int64_t pages, bool reserve) {
  probe::HugePageUser user =
      TRY(probe::HugePageUser::Start({.group = &group, .pages = pages, .reserve = reserve}));
  TRY(user.AwaitDone(context.patience()));
  return user;
}

Result<int64_t> Pages(const cgroup::Cgroup& group, std::string_view counter) {
  return TRY(cgroup::ReadNumber(group, HugetlbFile(counter))) / kHugePage.value;
}

// Waits until the pages of a user that has ended are given back: the last of it may lag.
Status AwaitNone(const ArmContext& context, const cgroup::Cgroup& group, std::string_view counter) {
  return Await(context, fmt::format("{} of 0", HugetlbFile(counter)),
               [&]() -> Result<bool> { return TRY(Pages(group, counter)) == 0; });
}

// The plan's limits of the pod, which the tree is planted with, gone from pod and container.
Status LiftLimits(const std::vector<HugetlbLevel>& levels, const std::string& file) {
  for (const HugetlbLevel& level : levels) TRY(level.group->Write(file, "max"));
  return {};
}

// kubepods ── burstable ── pod  6 pages ── main      a process that wants 8
Result<results::Arm> MeasureMax(ArmContext& context) {
  const HugePagePool pool = TRY(HugePagePool::Fill(kPool, 0));
  const kubelet::Plan plan =
      TRY(context.MakePlan(NodeWithHugePages(kPool), {}, {HugePagePod("pod", kPod)}));
  const capsule::Tree tree = TRY(context.Plant(plan));
  const std::vector<HugetlbLevel> levels = TRY(LevelsOf(tree, plan, "pod"));
  const cgroup::Cgroup& main = *levels[0].group;
  const std::string file = HugetlbFile("max");
  if (!context.Protected()) TRY(LiftLimits(levels, file));

  results::Arm arm = DescribedArm(tree, context.Protected() ? "hugepages-2Mi: 12Mi" : "no limits");
  double tried = 0;
  const auto expect = [&](const std::string& of, int64_t pages, bool reserve) -> Status {
    const int64_t events = TRY(Counter(main, HugetlbFile("events"), "max"));
    {
      const probe::HugePageUser user = TRY(Use(context, main, kWanted, reserve));
      const int64_t touched = user.Touched();
      tried += static_cast<double>(touched) + user.DiedOfSigbus();
      arm.checks.push_back(CountIs("pages that could be touched, " + of, pages, touched));
      arm.checks.push_back(CountIs("users that got SIGBUS, " + of, 1, user.DiedOfSigbus()));
    }
    TRY(AwaitNone(context, main, "current"));
    arm.checks.push_back(measure::ExactCheck(
        "max in hugetlb.2MB.events, " + of, {1, results::Relation::kAtLeast, 0, "count"},
        static_cast<double>(TRY(Counter(main, HugetlbFile("events"), "max")) - events)));
    return {};
  };
  TRY(expect("the pod's limit, without reservation", kPod, false));
  TRY(expect("the pod's limit, reserved", kPod, true));
  TRY(LiftLimits(levels, file));
  // A limit at one level alone, another one at each.
  for (size_t i = 0; i < levels.size(); ++i) {
    const int64_t pages = 2 + static_cast<int64_t>(i);
    if (context.Protected()) TRY(LimitPages(*levels[i].group, file, pages));
    TRY(expect("limit of " + levels[i].name, pages, false));
    TRY(levels[i].group->Write(file, "max"));
  }
  {
    const probe::HugePageUser user = TRY(Use(context, main, kWanted, false));
    arm.checks.push_back(CountIs("hugetlb.2MB.current of the pod beside 8 pages, no limit", kWanted,
                                 TRY(Pages(*levels[1].group, "current"))));
  }
  arm.load = {{"users", "pages tried", 12, tried}};
  return arm;
}

// The same tree; the process asks for its pages when it maps them.
Result<results::Arm> MeasureRsvd(ArmContext& context) {
  const HugePagePool pool = TRY(HugePagePool::Fill(kPool, 0));
  const kubelet::Plan plan =
      TRY(context.MakePlan(NodeWithHugePages(kPool), {}, {HugePagePod("pod", kPod)}));
  const capsule::Tree tree = TRY(context.Plant(plan));
  const std::vector<HugetlbLevel> levels = TRY(LevelsOf(tree, plan, "pod"));
  const cgroup::Cgroup& main = *levels[0].group;
  const std::string file = HugetlbFile("rsvd.max");
  if (!main.Has(file)) {
    return Unsupported("the kernel has no {} (5.7; cgroup {})", file, main.path());
  }
  // Reservations are what is asked about, not the limit of faults.
  TRY(LiftLimits(levels, HugetlbFile("max")));
  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "rsvd.max at each level in turn" : "no rsvd.max");
  double mapped = 0;
  for (size_t i = 0; i < levels.size(); ++i) {
    const int64_t pages = 2 + static_cast<int64_t>(i);
    if (context.Protected()) TRY(LimitPages(*levels[i].group, file, pages));
    {
      const probe::HugePageUser user = TRY(Use(context, main, pages + 1, true));
      arm.checks.push_back(
          CountIs("errno of mmap beyond the limit of " + levels[i].name, ENOMEM, user.MapError()));
    }
    TRY(AwaitNone(context, main, "rsvd.current"));
    {
      const probe::HugePageUser user = TRY(Use(context, main, pages, true));
      mapped += static_cast<double>(user.Touched());
      arm.checks.push_back(CountIs("pages touched, as many as the limit of " + levels[i].name,
                                   pages, user.Touched()));
      arm.checks.push_back(CountIs("hugetlb.2MB.rsvd.current of " + levels[i].name, pages,
                                   TRY(Pages(*levels[i].group, "rsvd.current"))));
    }
    TRY(AwaitNone(context, main, "rsvd.current"));
    TRY(levels[i].group->Write(file, "max"));
  }
  arm.load = {{"users", "pages touched", 1, mapped}};
  return arm;
}

constexpr const char* kTree = "kubepods ── burstable ── pod  hugepages-2Mi: 12Mi ── main";

}  // namespace

Claim HugetlbMax() {
  return {
      .id = "hugetlb.max",
      .statement =
          "A process gets as many huge pages as the tightest hugetlb limit above it "
          "allows, and SIGBUS at the next.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"HugeTLB\"; mm/hugetlb_cgroup.c, "
          "hugetlb_cgroup_charge_cgroup(); Kubernetes 1.36 hugepages-2Mi",
      .needs = {.controllers = kHugetlbControllers,
                .memory = MiB(256),
                .whole_node = true,
                .why_whole_node = kWhyWholeNode},
      .explanation =
          {.tree = kTree,
           .load = "A pool of 16 pages of 2M. A process in main wants to touch 8, with and "
                   "without a reservation; then again with a limit on main, the pod, its QoS "
                   "slice and kubepods alone, of 2 to 5 pages.",
           .expected = "It touches as many pages as the limit says and dies of SIGBUS at the next, "
                       "which is an event. Without limits it has 8, and hugetlb.2MB.current says "
                       "so.",
           .tolerance = "Pages are counted: none.",
           .control = "No limits: it touches all 8."},
      .measure = MeasureMax};
}

Claim HugetlbRsvd() {
  return {
      .id = "hugetlb.rsvd",
      .statement =
          "A mapping that reserves more huge pages than the tightest rsvd limit above it "
          "allows fails with ENOMEM, and one that does not has them for sure.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"HugeTLB\"; "
          "Documentation/admin-guide/cgroup-v1/hugetlb.rst, \"Reservation accounting\"; "
          "runtime-spec#1050",
      .needs = {.controllers = kHugetlbControllers,
                .memory = MiB(256),
                .whole_node = true,
                .why_whole_node = kWhyWholeNode},
      .explanation =
          {.tree = kTree,
           .load = "A pool of 16 pages of 2M. With hugetlb.2MB.rsvd.max on main, the pod, its QoS "
                   "slice and kubepods in turn, of 2 to 5 pages, a process in main maps one page "
                   "more, and another one as many.",
           .expected = "mmap(2) fails with ENOMEM for the first. The second maps and touches all, "
                       "and rsvd.current tells how many.",
           .tolerance = "Pages are counted: none.",
           .control = "No rsvd limit: the mapping succeeds."},
      .measure = MeasureRsvd};
}

}  // namespace nodeproof::conformance
