#include "harness/probe/huge_page_user.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

#include "harness/base/clock.h"

namespace nodeproof::probe {
namespace {

constexpr int kHugeShift = 26;  // MAP_HUGE_SHIFT of <linux/mman.h>

// The NUMA node of the page at `address`, or -1.
int NodeOf(void* address) {
  int status = -1;
  if (::syscall(SYS_move_pages, 0, 1UL, &address, nullptr, &status, 0) != 0) return -1;
  return status;
}

[[noreturn]] void WaitForever() {
  for (;;) ::pause();
}

[[noreturn]] void Use(const HugePageUserOptions& options, HugePageUser::Counters& counters,
                      const cgroup::ReadySignal& ready) {
  const auto page = static_cast<size_t>(options.page_size.value);
  const int order = std::countr_zero(page);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (order << kHugeShift) |
                    (options.reserve ? 0 : MAP_NORESERVE);
  void* memory = ::mmap(nullptr, page * static_cast<size_t>(options.pages), PROT_READ | PROT_WRITE,
                        flags, -1, 0);
  if (memory == MAP_FAILED) {
    counters.map_error = errno;
    counters.done = 1;
    ready.Notify();
    WaitForever();
  }
  counters.mapped = 1;
  ready.Notify();
  const Clock& clock = MonotonicClock();
  while (!options.touch && counters.may_touch == 0) clock.WaitUntil(clock.Now() + Milliseconds(1));
  for (int64_t i = 0; i < options.pages; ++i) {
    char* at = static_cast<char*>(memory) + page * static_cast<size_t>(i);
    *static_cast<volatile char*>(at) = 1;
    counters.touched.fetch_add(1);
    const int node = NodeOf(at);
    if (node >= 0 && static_cast<size_t>(node) < HugePageUser::kMostNodes) {
      counters.on_node[static_cast<size_t>(node)].fetch_add(1);
    }
  }
  counters.done = 1;
  WaitForever();
}

}  // namespace

Result<HugePageUser> HugePageUser::Start(const HugePageUserOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) -> int {
        ::signal(SIGBUS, SIG_DFL);
        Use(options, counters, ready);
      }));
  return HugePageUser(std::move(worker), options.touch);
}

Status HugePageUser::AwaitDone(Seconds timeout) {
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  const Counters& counters = worker_.counters();
  for (;;) {
    const bool rests = !touch_ && counters.may_touch == 0 && counters.mapped != 0;
    if (counters.done != 0 || rests) return {};
    if (!TRY(worker_.process().Running())) {
      const cgroup::Exit exit = TRY(worker_.process().Wait(Seconds(1)));
      if (exit != cgroup::Exit{true, SIGBUS}) {
        return Fail("{} ended by itself: {}", worker_.name(), exit.ToString());
      }
      sigbus_ = true;
      return {};
    }
    if (clock.Now() > deadline) {
      return std::unexpected(Error{fmt::format("{} had touched {} pages after {}", worker_.name(),
                                               Touched(), FormatDuration(timeout)),
                                   "", ETIMEDOUT});
    }
    clock.WaitUntil(clock.Now() + Milliseconds(2));
  }
}

}  // namespace nodeproof::probe
