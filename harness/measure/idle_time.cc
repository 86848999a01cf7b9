#include "harness/measure/idle_time.h"

#include <fmt/format.h>

#include "harness/base/file.h"

namespace nodeproof::measure {

namespace {

// The sum of `count` of the numbers in line "cpuN", from the one at `first` on (proc_stat(5)).
Result<Nanoseconds> Sum(std::string_view stat, int cpu, size_t first, size_t count,
                        std::string_view what) {
  constexpr Milliseconds kUserTick{10};
  const std::string name = fmt::format("cpu{}", cpu);
  for (const std::string_view line : Split(stat, '\n')) {
    const auto words = Words(line);
    if (words.empty() || words[0] != name) continue;
    if (words.size() < first + count) return Fail("/proc/stat: {} has no {} time", name, what);
    int64_t ticks = 0;
    for (size_t i = first; i < first + count; ++i) ticks += TRY(ParseInt(words[i]));
    return ticks * kUserTick;
  }
  return Fail("/proc/stat has no line for {}", name);
}

}  // namespace

Result<Nanoseconds> IdleTime(int cpu) { return IdleTimeIn(TRY(ReadFile("/proc/stat")), cpu); }

Result<Nanoseconds> IdleTimeIn(std::string_view stat, int cpu) {
  return Sum(stat, cpu, 4, 2, "idle and iowait");
}

Result<Nanoseconds> TakenTime(int cpu) { return TakenTimeIn(TRY(ReadFile("/proc/stat")), cpu); }

Result<Nanoseconds> TakenTimeIn(std::string_view stat, int cpu) {
  return Sum(stat, cpu, 6, 3, "irq, softirq and steal");
}

Result<Nanoseconds> UserTimeIn(std::string_view stat, int cpu) {
  return Sum(stat, cpu, 1, 2, "user and nice");
}

Result<Nanoseconds> KernelTimeIn(std::string_view stat, int cpu) {
  return TRY(Sum(stat, cpu, 3, 1, "system")) + TRY(Sum(stat, cpu, 6, 2, "irq and softirq"));
}

}  // namespace nodeproof::measure
