#include "harness/stress/anon_hog.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "harness/base/clock.h"
#include "harness/base/mapping.h"

namespace nodeproof::stress {
namespace {

constexpr int kExitNoMemory = 120;

// Holds growth to a rate: after each step of 64 KiB it waits until the step is due.
class Pace {
 public:
  explicit Pace(Bytes rate) : rate_(rate), begun_(MonotonicClock().Now()) {}
  void Await(int64_t done) const {
    if (rate_.value <= 0 || done % (64 << 10) != 0) return;
    const double due = static_cast<double>(done) / static_cast<double>(rate_.value);
    MonotonicClock().WaitUntil(begun_ + std::chrono::duration_cast<Nanoseconds>(Seconds(due)));
  }

 private:
  Bytes rate_;
  Nanoseconds begun_;
};

// Writes one byte a page of [memory + from, memory + to).
void Touch(char* memory, int64_t from, int64_t to, int64_t page, const Pace& pace,
           AnonHog::Counters& counters) {
  for (int64_t at = from; at < to; at += page) {
    pace.Await(counters.touched_in_all);
    memory[at] = static_cast<char>(at / page | 1);
    counters.touched = std::max(counters.touched.load(), at + page);
    counters.touched_in_all += page;
  }
}

int FillAndHold(const AnonHogOptions& options, AnonHog::Counters& counters,
                const cgroup::ReadySignal& ready) {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  const auto size = static_cast<size_t>(options.target.value);
  // Page by page, so that the limit is met at a page and not at 2 MiB.
  char* memory = MapSmallPages(options.target);
  if (memory == nullptr) return kExitNoMemory;
  const Pace pace(options.rate);
  Touch(memory, 0, options.target.value, page, pace, counters);
  ready.Notify();
  const int64_t half = options.target.value / 2 / page * page;
  while (options.churn) {
    ::madvise(memory + half, size - static_cast<size_t>(half), MADV_DONTNEED);
    Touch(memory, half, options.target.value, page, pace, counters);
  }
  for (;;) ::pause();
}

}  // namespace

Result<AnonHog> AnonHog::Start(const AnonHogOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name,
       .group = options.group,
       .oom_score_adj = options.oom_score_adj,
       .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return FillAndHold(options, counters, ready);
      }));
  return AnonHog(std::move(worker));
}

}  // namespace nodeproof::stress
