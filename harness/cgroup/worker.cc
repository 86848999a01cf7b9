#include "harness/cgroup/worker.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "harness/base/clock.h"

namespace nodeproof::cgroup {

Result<ReadySignal> ReadySignal::Create() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return FailErrno(errno, "create an eventfd");
  return ReadySignal(Fd(fd));
}

void ReadySignal::Notify() const { (void)::eventfd_write(fd_.get(), 1); }

Status ReadySignal::Await(Process& child, const std::string& name, Seconds timeout) const {
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - clock.Now()).count();
    pollfd poll_fds[] = {{fd_.get(), POLLIN, 0}, {child.pidfd(), POLLIN, 0}};
    const int ready = ::poll(poll_fds, 2, static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return FailErrno(errno, "poll");
    if ((poll_fds[0].revents & POLLIN) != 0) return {};
    if (poll_fds[1].revents != 0) {
      return Fail("{} ended before it was ready: {}", name, TRY(child.Wait(Seconds(1))).ToString());
    }
    if (ready == 0) {
      return std::unexpected(Error{
          fmt::format("{} was not ready after {}", name, FormatDuration(timeout)), "", ETIMEDOUT});
    }
  }
}

Result<StartGate> StartGate::Create() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return FailErrno(errno, "create an eventfd");
  return StartGate(Fd(fd));
}

void StartGate::Open() const { (void)::eventfd_write(fd_.get(), 1); }

// Nobody reads the counter, so an open gate stays readable for every child.
void StartGate::Await() const {
  pollfd gate{fd_.get(), POLLIN, 0};
  while (::poll(&gate, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace nodeproof::cgroup
