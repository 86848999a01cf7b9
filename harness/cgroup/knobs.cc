#include "harness/cgroup/knobs.h"

#include <unistd.h>

#include "harness/base/file.h"

namespace nodeproof::cgroup {
namespace {

bool IsMemoryAmount(std::string_view file) {
  return file.starts_with("memory.") && (file.ends_with(".max") || file.ends_with(".high") ||
                                         file.ends_with(".min") || file.ends_with(".low"));
}

bool IsCpuList(std::string_view file) {
  return file == "cpuset.cpus" || file == "cpuset.mems" || file == "cpuset.cpus.exclusive";
}

}  // namespace

Result<CpuMax> CpuMax::Parse(std::string_view text) {
  const auto words = Words(text);
  if (words.empty() || words.size() > 2) return Fail("'{}' is not a cpu.max value", Trim(text));
  CpuMax max;
  if (words[0] != "max") max.quota = Microseconds(TRY(ParseInt(words[0])));
  if (words.size() == 2) max.period = Microseconds(TRY(ParseInt(words[1])));
  return max;
}

std::string CpuMax::ToString() const {
  return quota ? fmt::format("{} {}", quota->count(), period.count())
               : fmt::format("max {}", period.count());
}

bool SameSetting(std::string_view file, std::string_view wanted, std::string_view taken,
                 Bytes page_size) {
  wanted = Trim(wanted);
  taken = Trim(taken);
  if (wanted == taken) return true;
  if (file == "cpu.max") {
    // "max" alone and a lone quota keep the period.
    const auto want = CpuMax::Parse(wanted);
    const auto took = CpuMax::Parse(taken);
    if (!want || !took || want->quota != took->quota) return false;
    return Words(wanted).size() == 1 || want->period == took->period;
  }
  if (IsMemoryAmount(file)) {
    const auto want = ParseInt(wanted);
    const auto took = ParseInt(taken);
    return want && took && *want / page_size.value * page_size.value == *took;
  }
  if (IsCpuList(file)) {
    const auto want = CpuSet::Parse(wanted);
    const auto took = CpuSet::Parse(taken);
    return want && took && *want == *took;
  }
  return false;
}

Result<KnobReading> SetKnob(const Cgroup& group, const std::string& file,
                            const std::string& value) {
  TRY(group.Write(file, value));
  const std::string text = TRY(group.Read(file));
  KnobReading reading{file, value, std::string(Trim(text)), true};
  reading.kept = SameSetting(file, value, text, Bytes{::sysconf(_SC_PAGESIZE)});
  return reading;
}

Result<CpuMax> ReadCpuMax(const Cgroup& group) {
  auto max = CpuMax::Parse(TRY(group.Read("cpu.max")));
  if (!max) return Fail("{}/cpu.max: {}", group.path(), max.error().message);
  return max;
}

Result<CpuSet> ReadCpuSet(const Cgroup& group, const std::string& file) {
  auto set = CpuSet::Parse(TRY(group.Read(file)));
  if (!set) return Fail("{}/{}: {}", group.path(), file, set.error().message);
  return set;
}

}  // namespace nodeproof::cgroup
