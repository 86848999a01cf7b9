#include "agent/host.h"

#include <linux/magic.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>

#include <cerrno>
#include <csignal>

#include "harness/capsule/stale.h"
#include "harness/cgroup/process.h"

namespace nodeproof::agent {
namespace {

constexpr int kExitFatal = 2;

Result<Fd> StopFd() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return FailErrno(errno, "block signals");
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC);
  if (fd < 0) return FailErrno(errno, "create a signalfd");
  return Fd(fd);
}

// Until the session has ended or a signal asks to stop.
void AwaitEndOrStop(const cgroup::Process& session, const Fd& stop) {
  pollfd fds[] = {{session.pidfd(), POLLIN, 0}, {stop.get(), POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<int> SuperviseSession(const node::RunRequest& request, const Place& place,
                             const EventWriter& events) {
  std::optional<cgroup::Cgroup> root;
  if (request.why_no_cgroups.empty()) {
    root.emplace(TRY(cgroup::Cgroup::Open(place.cgroup_root)));
    TRY(capsule::RemoveStale(*root));
  }
  const Fd stop = TRY(StopFd());
  cgroup::Process session = TRY(cgroup::Process::Spawn({.name = "nodeproof-run"}, [&] {
    const Status done = RunSession(request, place, events);
    if (done) return 0;
    events.Write(node::FatalEvent(done.error().message, done.error().hint));
    return kExitFatal;
  }));
  AwaitEndOrStop(session, stop);
  const bool stopped = TRY(session.Running());
  session.Kill();
  if (root) TRY(capsule::RemoveStale(*root));
  if (stopped) return Fail("stopped by a signal");
  const cgroup::Exit exit = TRY(session.Wait(Seconds(0)));
  if (exit.signaled) return Fail("the session was {}", exit.ToString());
  return exit.code;
}

Result<std::filesystem::path> FindHostScratch(const std::filesystem::path& base) {
  struct statfs info {};
  if (::statfs(base.c_str(), &info) != 0) {
    return FailErrno(errno, fmt::format("look at {}", base.string()));
  }
  if (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC) {
    return Fail("{} is in memory; set TMPDIR to a directory on a disk", base.string());
  }
  return base;
}

}  // namespace nodeproof::agent
