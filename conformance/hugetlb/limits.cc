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

// What is asked about pages of one size. Limits of more than ten pages show a kernel that lets a
// tenth more through.
struct Pages {
  HugePageSize size;
  int64_t pool = 0;
  int64_t wanted = 0;       // by the process
  int64_t pod = 0;          // what the pod asks for
  int64_t first_level = 0;  // limit of the container alone
  int64_t more = 0;         // of each level above it than of the one below

  int64_t AtLevel(size_t level) const { return first_level + more * static_cast<int64_t>(level); }
};
constexpr Pages kTwoMegaPages = {kTwoMega, 20, 16, 12, 11, 1};
constexpr Pages kOneGigaPages = {kOneGiga, 2, 2, 1, 1, 0};

Result<probe::HugePageUser> Use(const ArmContext& context, const cgroup::Cgroup& group,
                                const HugePageSize& size, int64_t pages, bool reserve) {
  probe::HugePageUser user = TRY(probe::HugePageUser::Start(
      {.group = &group, .page_size = size.page, .pages = pages, .reserve = reserve}));
  TRY(user.AwaitDone(context.patience()));
  return user;
}

Result<int64_t> Count(const cgroup::Cgroup& group, std::string_view counter,
                      const HugePageSize& size) {
  return TRY(cgroup::ReadNumber(group, HugetlbFile(counter, size))) / size.page.value;
}

// Waits until the pages of a user that has ended are given back: the last of it may lag.
Status AwaitNone(const ArmContext& context, const cgroup::Cgroup& group, std::string_view counter,
                 const HugePageSize& size) {
  return Await(context, fmt::format("{} of 0", HugetlbFile(counter, size)),
               [&]() -> Result<bool> { return TRY(Count(group, counter, size)) == 0; });
}

// Waits until the next user may reserve all of the pool.
Status AwaitWhole(const ArmContext& context, const HugePagePool& pool, int64_t pages) {
  return Await(context, "a pool that nobody uses", [&]() -> Result<bool> {
    return TRY(pool.Count("free_hugepages")) == pages && TRY(pool.Count("resv_hugepages")) == 0;
  });
}

// The plan's limits of the pod, which the tree is planted with, gone from pod and container.
Status LiftLimits(const std::vector<PodLevel>& levels, const std::string& file) {
  for (const PodLevel& level : levels) TRY(level.group->Write(file, "max"));
  return {};
}

// kubepods ── burstable ── pod  12 pages ── main      a process that wants 16
Result<results::Arm> MeasureMax(ArmContext& context, const Pages& pages) {
  const HugePageSize& size = pages.size;
  const HugePagePool pool = TRY(HugePagePool::Fill(pages.pool, 0, {}, "/sys", size.page));
  const capsule::Tree tree = TRY(context.Plant(NodeWithHugePages(pages.pool, size), {},
                                               {HugePagePod("pod", pages.pod, size)}));
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod"));
  const cgroup::Cgroup& main = *levels[0].group;
  const std::string file = HugetlbFile("max", size);
  const std::string events_file = HugetlbFile("events", size);
  if (!context.Protected()) TRY(LiftLimits(levels, file));

  results::Arm arm = DescribedArm(
      tree, context.Protected()
                ? fmt::format("{}: {}", size.kubernetes, FormatBytes(size.page * pages.pod))
                : "no limits");
  double tried = 0;
  double required = 0;
  const auto expect = [&](const std::string& of, int64_t most, bool reserve) -> Status {
    std::vector<int64_t> events;
    for (const PodLevel& level : levels) {
      events.push_back(TRY(Counter(*level.group, events_file, "max")));
    }
    {
      const probe::HugePageUser user = TRY(Use(context, main, size, pages.wanted, reserve));
      const int64_t touched = user.Touched();
      tried += static_cast<double>(touched) + user.DiedOfSigbus();
      required += 1;
      arm.checks.push_back(CountIs("pages that could be touched, " + of, most, touched));
      arm.checks.push_back(CountIs("users that got SIGBUS, " + of, 1, user.DiedOfSigbus()));
    }
    TRY(AwaitNone(context, main, "current", size));
    TRY(AwaitWhole(context, pool, pages.pool));
    for (size_t i = 0; i < levels.size(); ++i) {
      arm.checks.push_back(measure::ExactCheck(
          fmt::format("max in {} of {}, {}", events_file, levels[i].name, of),
          {1, results::Relation::kAtLeast, 0, "count"},
          static_cast<double>(TRY(Counter(*levels[i].group, events_file, "max")) - events[i])));
    }
    return {};
  };
  TRY(expect("the pod's limit, without reservation", pages.pod, false));
  TRY(expect("the pod's limit, reserved", pages.pod, true));
  TRY(LiftLimits(levels, file));
  // A limit at one level alone, another one at each.
  for (size_t i = 0; i < levels.size(); ++i) {
    const int64_t most = pages.AtLevel(i);
    if (context.Protected()) TRY(LimitPages(*levels[i].group, file, most, size));
    TRY(expect("limit of " + levels[i].name, most, false));
    TRY(levels[i].group->Write(file, "max"));
  }
  {
    const probe::HugePageUser user = TRY(Use(context, main, size, pages.wanted, false));
    for (const PodLevel& level : levels) {
      arm.checks.push_back(
          CountIs(fmt::format("{} of {} beside {} pages, no limit", HugetlbFile("current", size),
                              level.name, pages.wanted),
                  pages.wanted, TRY(Count(*level.group, "current", size))));
    }
  }
  arm.load = {{"users", "pages tried", required, tried}};
  return arm;
}

// The same tree; the process asks for its pages when it maps them.
Result<results::Arm> MeasureRsvd(ArmContext& context) {
  const Pages& limits = kTwoMegaPages;
  const HugePageSize& size = limits.size;
  const HugePagePool pool = TRY(HugePagePool::Fill(limits.pool, 0));
  const capsule::Tree tree =
      TRY(context.Plant(NodeWithHugePages(limits.pool), {}, {HugePagePod("pod", limits.pod)}));
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod"));
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
    const int64_t pages = limits.AtLevel(i);
    if (context.Protected()) TRY(LimitPages(*levels[i].group, file, pages));
    {
      const probe::HugePageUser user = TRY(Use(context, main, size, pages + 1, true));
      arm.checks.push_back(
          CountIs("errno of mmap beyond the limit of " + levels[i].name, ENOMEM, user.MapError()));
    }
    TRY(AwaitNone(context, main, "rsvd.current", size));
    {
      const probe::HugePageUser user = TRY(Use(context, main, size, pages, true));
      mapped += static_cast<double>(user.Touched());
      arm.checks.push_back(CountIs("pages touched, as many as the limit of " + levels[i].name,
                                   pages, user.Touched()));
      arm.checks.push_back(CountIs("hugetlb.2MB.rsvd.current of " + levels[i].name, pages,
                                   TRY(Count(*levels[i].group, "rsvd.current", size))));
    }
    TRY(AwaitNone(context, main, "rsvd.current", size));
    TRY(levels[i].group->Write(file, "max"));
  }
  arm.load = {{"users", "pages touched", 1, mapped}};
  return arm;
}

Claim MaxClaim(const Pages& pages, std::string id, std::string statement, std::string load) {
  return {
      .id = std::move(id),
      .statement = std::move(statement),
      .source =
          fmt::format("Documentation/admin-guide/cgroup-v2.rst, \"HugeTLB\"; mm/hugetlb_cgroup.c, "
                      "hugetlb_cgroup_charge_cgroup(); Kubernetes 1.36 {}",
                      pages.size.kubernetes),
      .needs = HugetlbNeeds(),
      .explanation =
          {.tree = fmt::format("kubepods ── burstable ── pod  {}: {} ── main",
                               pages.size.kubernetes, FormatBytes(pages.size.page * pages.pod)),
           .load = std::move(load),
           .expected = fmt::format(
               "It touches as many pages as the limit says and dies of SIGBUS at the next, which "
               "is an event of the container and of each group above it, whichever has the limit. "
               "Without limits it has all {}, and hugetlb.{}.current of the container and of each "
               "group above says so.",
               pages.wanted, pages.size.kernel),
           .tolerance = "Pages are counted: none.",
           .control = fmt::format("No limits: it touches all {}.", pages.wanted)},
      .measure = [pages](ArmContext& context) { return MeasureMax(context, pages); }};
}

}  // namespace

Claim HugetlbMax() {
  return MaxClaim(
      kTwoMegaPages, "hugetlb.max",
      "A process gets as many huge pages as the tightest hugetlb limit above it allows, and SIGBUS "
      "at the next.",
      "A pool of 20 pages of 2M. A process in main wants to touch 16, with and without a "
      "reservation, under the pod's limit of 12; then again with a limit on main, the pod, its QoS "
      "slice and kubepods alone, of 11 to 14 pages: a tenth more of any of them is a page more.");
}

Claim HugetlbMaxGigantic() {
  return MaxClaim(
      kOneGigaPages, "hugetlb.max-1g",
      "A process gets as many pages of 1G as the tightest hugetlb limit above it allows, and "
      "SIGBUS at the next.",
      "A pool of 2 pages of 1G, which the kernel must find in one piece each (in a VM: --memory 6G "
      "and a CPU with pdpe1gb; `unsupported` else). A process in main wants to touch both, with "
      "and "
      "without a reservation, under the pod's limit of one; then again with a limit of one on "
      "main, "
      "the pod, its QoS slice and kubepods alone.");
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
      .needs = HugetlbNeeds(),
      .explanation =
          {.tree = "kubepods ── burstable ── pod  hugepages-2Mi: 24Mi ── main",
           .load = "A pool of 20 pages of 2M. With hugetlb.2MB.rsvd.max on main, the pod, its QoS "
                   "slice and kubepods in turn, of 11 to 14 pages, a process in main maps one page "
                   "more, and another one as many.",
           .expected = "mmap(2) fails with ENOMEM for the first. The second maps and touches all, "
                       "and rsvd.current tells how many.",
           .tolerance = "Pages are counted: none. A tenth more of any limit is a page more.",
           .control = "No rsvd limit: the mapping succeeds."},
      .measure = MeasureRsvd};
}

}  // namespace nodeproof::conformance
