#include "harness/probe/wait_meter.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::probe {
namespace {

constexpr const char* kSchedstat = "/proc/self/schedstat";
constexpr int kExitNoSchedstat = 118;
// A jump of the clock that is worth a question: well above a round, well below a scheduler's slice.
constexpr Nanoseconds kJump = Microseconds(50);

// The second number of the file: nanoseconds spent waiting on a run queue. -1 if it cannot be read.
int64_t WaitedSoFar(int fd) {
  char text[96];
  const ssize_t length = ::pread(fd, text, sizeof text - 1, 0);
  if (length <= 0) return -1;
  text[length] = '\0';
  char* end = nullptr;
  (void)std::strtoll(text, &end, 10);
  return end == text ? -1 : std::strtoll(end, nullptr, 10);
}

int Meter(WaitMeter::Counters& counters, const cgroup::ReadySignal& ready) {
  const int fd = ::open(kSchedstat, O_RDONLY | O_CLOEXEC);
  const int64_t at_start = WaitedSoFar(fd);
  if (at_start < 0) return kExitNoSchedstat;
  const Clock& clock = MonotonicClock();
  int64_t before = at_start;
  Nanoseconds last = clock.Now();
  ready.Notify();
  for (;;) {
    counters.rounds.fetch_add(1, std::memory_order_relaxed);
    const Nanoseconds now = clock.Now();
    const bool jumped = now - last > kJump;
    last = now;
    if (!jumped) continue;
    const int64_t waited = WaitedSoFar(fd);
    if (waited - before > counters.longest_ns) counters.longest_ns = waited - before;
    counters.waited_ns = waited - at_start;
    before = waited;
    last = clock.Now();
  }
}

}  // namespace

Result<WaitMeter> WaitMeter::Start(const WaitMeterOptions& options) {
  if (!ReadFile(kSchedstat)) {
    return std::unexpected(
        Error{fmt::format("the kernel has no {} (CONFIG_SCHED_INFO)", kSchedstat), "", 0, true});
  }
  return WaitMeter(TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity}, Meter)));
}

}  // namespace nodeproof::probe
