#include "harness/measure/idle_time.h"

#include <fmt/format.h>

#include "harness/base/file.h"

namespace nodeproof::measure {

Result<Nanoseconds> IdleTime(int cpu) { return IdleTimeIn(TRY(ReadFile("/proc/stat")), cpu); }

Result<Nanoseconds> IdleTimeIn(std::string_view stat, int cpu) {
  constexpr Milliseconds kUserTick{10};
  const std::string name = fmt::format("cpu{}", cpu);
  for (const std::string_view line : Split(stat, '\n')) {
    const auto words = Words(line);
    if (words.empty() || words[0] != name) continue;
    if (words.size() < 6) return Fail("/proc/stat: {} has no idle and iowait time", name);
    return (TRY(ParseInt(words[4])) + TRY(ParseInt(words[5]))) * kUserTick;
  }
  return Fail("/proc/stat has no line for {}", name);
}

}  // namespace nodeproof::measure
