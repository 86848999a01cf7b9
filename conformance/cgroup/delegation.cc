// Delegation: who owns a subtree rules in it, and not beyond.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/cgroup/cgroup_claims.h"
#include "conformance/cgroup/processes.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/base/shared.h"
#include "harness/cgroup/process.h"

namespace nodeproof::conformance {
namespace {

constexpr uid_t kNobody = 65534;

// errnos of what the owner of the subtree tried; -1 is not tried.
struct Tried {
  int make_group = -1;
  int move_inside = -1;
  int pull_in = -1;
  int move_out = -1;
  int raise_limit = -1;
  int limit_inside = -1;
};

int ErrnoOfWrite(int dir, const char* file, std::string_view text) {
  return CodeOf(WriteFileAt(dir, file, text));
}

// What a process without privileges does in the subtree that it was given, at `own`.
int Explore(int own, int elsewhere, pid_t stranger, Tried& tried) {
  if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return cgroup::kExitSetupFailed;
  }
  const std::string self = fmt::format("{}", ::getpid());
  tried.make_group = ::mkdirat(own, "mine", 0755) == 0 ? 0 : errno;
  tried.move_inside = ErrnoOfWrite(own, "mine/cgroup.procs", self);
  tried.pull_in = ErrnoOfWrite(own, "mine/cgroup.procs", fmt::format("{}", stranger));
  tried.move_out = ErrnoOfWrite(elsewhere, "cgroup.procs", self);
  tried.raise_limit = ErrnoOfWrite(own, "pids.max", "max");
  tried.limit_inside = ErrnoOfWrite(own, "cgroup.subtree_control", "+pids");
  if (tried.limit_inside == 0) tried.limit_inside = ErrnoOfWrite(own, "mine/pids.max", "5");
  return 0;
}

Status GiveAway(const cgroup::Cgroup& group, const char* file) {
  if (::fchownat(group.fd(), file, kNobody, kNobody, AT_EMPTY_PATH) == 0) return {};
  return FailErrno(errno, fmt::format("give {}/{} to user {}", group.path(), file, kNobody));
}

// besteffort ─┬─ pod     main belongs to nobody     a process of nobody's
//             └─ other                              a process of root's
Result<results::Arm> MeasureDelegation(ArmContext& context) {
  if (::geteuid() != 0) {
    return Unsupported("it starts a process as user {}, which needs CAP_SETUID", kNobody);
  }
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}}), MakePod("other", {{}})}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& other = *TRY(tree.Container("other", "main"));
  for (const char* file : {"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}) {
    TRY(GiveAway(main, file));
  }
  if (!context.Protected()) {
    TRY(GiveAway(*TRY(tree.QosSlice("pod")), "cgroup.procs"));
    TRY(GiveAway(other, "cgroup.procs"));
  }
  cgroup::Process stranger =
      TRY(cgroup::Process::Spawn({.name = "stranger", .group = &other}, []() -> int {
        for (;;) ::pause();
      }));
  const auto shared = TRY(Shared<Tried>::Create());
  Tried* tried = shared.get();
  cgroup::Process owner = TRY(cgroup::Process::Spawn({.name = "owner", .group = &main}, [&] {
    return Explore(main.fd(), other.fd(), stranger.pid(), *tried);
  }));
  const cgroup::Exit exit = TRY(owner.Wait(context.patience()));
  if (exit != cgroup::Exit{}) return Fail("the owner of the subtree: {}", exit.ToString());

  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "the container's group is given away"
                                             : "cgroup.procs outside it is given away too");
  arm.checks = {CountIs("errno of pulling in a process from outside", EACCES, tried->pull_in),
                CountIs("errno of moving out", EACCES, tried->move_out),
                CountIs("errno of raising its own limit", EACCES, tried->raise_limit),
                CountIs("errno of making a group inside", 0, tried->make_group),
                CountIs("errno of moving inside", 0, tried->move_inside),
                CountIs("errno of a limit inside", 0, tried->limit_inside)};
  arm.load = {{"process outside", "count", 1, TRY(stranger.Running()) ? 1.0 : 0.0}};
  return arm;
}

}  // namespace

Claim CgroupDelegation() {
  return {
      .id = "cgroup.delegation",
      .statement =
          "Who was given a subtree makes groups and limits in it, and moves its own "
          "processes within, but neither in nor out, and cannot raise its limits.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"Delegation Containment\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree =
               "besteffort ─┬─ pod ── main     its directory, cgroup.procs, cgroup.threads and\n"
               "            │                  cgroup.subtree_control belong to user 65534\n"
               "            └─ other ── main",
           .load = "A process in pod becomes user 65534. It makes a group in main, moves there, "
                   "turns pids on and sets a limit; tries to move a process of root's from other "
                   "into its group, itself to other, and to raise pids.max of main.",
           .expected = "The first four succeed, the other three fail with EACCES.",
           .tolerance = "None: whole numbers.",
           .control = "cgroup.procs of besteffort, the common ancestor, and of other belong to "
                      "user 65534 too: moves succeed."},
      .measure = MeasureDelegation};
}

}  // namespace nodeproof::conformance
