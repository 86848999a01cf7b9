// The pool of huge pages: nobody gets what is reserved for another, or what is on another node.
#include <cerrno>
#include <utility>

#include "conformance/hugetlb/hugetlb_claims.h"
#include "conformance/hugetlb/steps.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/probe/huge_page_user.h"

namespace nodeproof::conformance {
namespace {

Result<probe::HugePageUser> Use(const ArmContext& context,
                                const probe::HugePageUserOptions& options) {
  probe::HugePageUser user = TRY(probe::HugePageUser::Start(options));
  TRY(user.AwaitDone(context.patience()));
  return user;
}

// pool 6 ── kubepods ── burstable ─┬─ a     reserves 4, touches them last
//                                  └─ b     wants to reserve 3; then wants 3 without
Result<results::Arm> MeasureNoOvercommit(ArmContext& context) {
  constexpr int64_t kPool = 6;
  const HugePagePool pool = TRY(HugePagePool::Fill(kPool, context.Protected() ? 0 : kPool));
  kubelet::Plan plan = TRY(
      context.MakePlan(NodeWithHugePages(kPool), {}, {HugePagePod("a", 4), HugePagePod("b", 2)}));
  // Not b's limit is asked about, but what is left for it.
  TRY(SetOnPod(plan, "b", HugetlbFile("max"), "max"));
  const capsule::Tree tree = TRY(context.Plant(plan));
  const cgroup::Cgroup& b = *TRY(tree.Container("b", "main"));
  probe::HugePageUser owner = TRY(Use(
      context,
      {.name = "owner", .group = TRY(tree.Container("a", "main")), .pages = 4, .touch = false}));
  const int64_t reserved = TRY(pool.Count("resv_hugepages"));
  int map_error = 0;
  int64_t surplus = 0;
  {
    const probe::HugePageUser late = TRY(Use(context, {.name = "late", .group = &b, .pages = 3}));
    map_error = late.MapError();
    surplus = TRY(pool.Count("surplus_hugepages"));
  }
  TRY(Await(context, "the pages of the one who came late", [&]() -> Result<bool> {
    return TRY(pool.Count("free_hugepages")) >= kPool &&
           TRY(pool.Count("resv_hugepages")) == reserved;
  }));
  const probe::HugePageUser taker =
      TRY(Use(context, {.name = "taker", .group = &b, .pages = 3, .reserve = false}));
  owner.TouchNow();
  TRY(owner.AwaitDone(context.patience()));

  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "no page beyond the pool" : "nr_overcommit_hugepages 6");
  arm.checks = {CountIs("errno of reserving more than is left", ENOMEM, map_error),
                CountIs("pages beyond the pool", 0, surplus),
                CountIs("pages taken without reservation", 2, taker.Touched()),
                CountIs("takers that got SIGBUS", 1, taker.DiedOfSigbus()),
                CountIs("reserved pages that their owner could touch", 4, owner.Touched())};
  arm.load = {{"owner", "pages reserved", 4, static_cast<double>(reserved)}};
  return arm;
}

// kubepods ── burstable ── pod  cpuset.mems N ── main      a process that wants 4 pages
// 2 pages in the pool of each node
Result<results::Arm> MeasurePerNode(ArmContext& context) {
  constexpr int64_t kEach = 2;
  std::vector<int> nodes;
  for (const NumaNode& node : context.topology().nodes) {
    if (!node.cpus.empty()) nodes.push_back(node.id);
  }
  const HugePagePool pool = TRY(HugePagePool::Fill(kEach, 0, nodes));
  const auto all = static_cast<int64_t>(nodes.size()) * kEach;
  kubelet::Plan plan = TRY(context.MakePlan(NodeWithHugePages(all), {}, {HugePagePod("pod", all)}));
  const capsule::Tree tree = TRY(context.Plant(plan));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "cpuset.mems of one node" : "cpuset.mems of all nodes");
  double tried = 0;
  for (const int node : nodes) {
    if (context.Protected()) TRY(main.Write("cpuset.mems", fmt::format("{}", node)));
    const probe::HugePageUser user =
        TRY(Use(context, {.name = "user", .group = &main, .pages = kEach + 1, .reserve = false}));
    tried += static_cast<double>(user.Touched()) + user.DiedOfSigbus();
    arm.checks.push_back(CountIs(fmt::format("pages that could be touched, bound to node {}", node),
                                 kEach, user.Touched()));
    arm.checks.push_back(CountIs(fmt::format("of them, on node {}", node), kEach,
                                 user.OnNode(static_cast<size_t>(node))));
    arm.checks.push_back(CountIs(fmt::format("users that got SIGBUS, bound to node {}", node), 1,
                                 user.DiedOfSigbus()));
  }
  arm.load = {{"users", "pages tried", static_cast<double>(kEach), tried}};
  return arm;
}

}  // namespace

Claim HugetlbNoOvercommit() {
  return {
      .id = "hugetlb.no-overcommit",
      .statement =
          "Huge pages that one pod has reserved are there when it touches them, whatever "
          "another wants; there are no more than the pool has.",
      .source =
          "Documentation/admin-guide/mm/hugetlbpage.rst; "
          "Documentation/mm/hugetlbfs_reserv.rst; Kubernetes: huge pages cannot be "
          "overcommitted",
      .needs = HugetlbNeeds(),
      .explanation =
          {.tree = "pool of 6 ── kubepods ── burstable ─┬─ pod a\n"
                   "                                    └─ pod b     no limit",
           .load = "A process in a maps 4 pages of 2M and does not touch them. One in b maps 3; "
                   "another one maps 3 without reservation and touches them. Then a touches its 4.",
           .expected = "The first mapping of b fails with ENOMEM. The second touches 2 pages and "
                       "dies of SIGBUS at the third. a touches all of its 4. The pool never grows.",
           .tolerance = "Pages are counted: none.",
           .control = "nr_overcommit_hugepages 6: the pool grows for b."},
      .measure = MeasureNoOvercommit};
}

Claim HugetlbPerNode() {
  Needs needs = HugetlbNeeds();
  needs.cpus = 2;
  needs.numa_nodes = 2;
  return {
      .id = "hugetlb.per-node",
      .statement =
          "A container that is bound to a NUMA node gets huge pages of that node's pool "
          "alone, and SIGBUS when it is empty.",
      .source =
          "Documentation/admin-guide/mm/hugetlbpage.rst; Kubernetes 1.36 Memory Manager, "
          "policy Static",
      .needs = std::move(needs),
      .explanation =
          {.tree = "kubepods ── burstable ── pod ── main  cpuset.mems of one node",
           .load = "Two pages of 2M in the pool of each node. For each node in turn main is bound "
                   "to it, and a process in it wants three.",
           .expected = "It touches two, both on that node (move_pages(2)), and dies of SIGBUS at "
                       "the third.",
           .tolerance = "Pages are counted: none.",
           .control = "Not bound: it gets its third page from another node."},
      .measure = MeasurePerNode};
}

}  // namespace nodeproof::conformance
