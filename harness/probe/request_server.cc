#include "harness/probe/request_server.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::probe {
namespace {

constexpr int kExitReadFailed = 119;
constexpr int kExitNoMemory = 120;
constexpr size_t kPart = 64 << 10;

long Sleeps() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

// Touches every page of `memory` and gives it back.
void TouchFresh(char* memory, size_t size) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  for (size_t at = 0; at < size; at += page) memory[at] = 1;
  ::madvise(memory, size, MADV_DONTNEED);
}

int Serve(const RequestServerOptions& options, RequestServer::Counters& counters,
          const cgroup::ReadySignal& ready) {
  const auto file = OpenAt(AT_FDCWD, options.file.string(), O_RDONLY);
  if (!file) return kExitReadFailed;
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_RANDOM);
  const auto size = static_cast<size_t>(options.fresh.value);
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return kExitNoMemory;
  ::madvise(mapped, size, MADV_NOHUGEPAGE);
  std::vector<char> part(kPart);
  const Clock& clock = MonotonicClock();
  bool filled = false;
  off_t at = 0;
  for (Nanoseconds due = clock.Now();;) {
    const long sleeps = Sleeps();
    const Nanoseconds begun = clock.Now();
    const ssize_t got = ::pread(file->get(), part.data(), part.size(), at);
    if (got < 0) return kExitReadFailed;
    TouchFresh(static_cast<char*>(mapped), size);
    const Nanoseconds took = clock.Now() - begun;
    at = got == 0 ? 0 : at + got;
    if (filled) {
      counters.slept += Sleeps() != sleeps;
      counters.took_ns[static_cast<size_t>(counters.served % RequestServer::kKept)] = took.count();
      ++counters.served;
      clock.WaitUntil(due = std::max(due + options.interval, clock.Now()));
    } else if (got == 0) {
      filled = true;
      due = clock.Now();
      ready.Notify();
    }
  }
}

}  // namespace

Result<RequestServer> RequestServer::Start(const RequestServerOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return Serve(options, counters, ready);
      }));
  return RequestServer(std::move(worker));
}

Nanoseconds RequestServer::Percentile99(int64_t first) const {
  const Counters& counters = worker_.counters();
  const int64_t end = counters.served;
  std::vector<int64_t> took;
  for (int64_t i = std::max(first, end - kKept); i < end; ++i) {
    took.push_back(counters.took_ns[static_cast<size_t>(i % kKept)]);
  }
  if (took.empty()) return Nanoseconds(0);
  const auto place = took.begin() + static_cast<std::ptrdiff_t>(took.size() * 99 / 100);
  std::ranges::nth_element(took, place);
  return Nanoseconds(*place);
}

}  // namespace nodeproof::probe
