#include "harness/cgroup/stats.h"

#include <charconv>
#include <limits>
#include <span>

#include "harness/base/file.h"

namespace nodeproof::cgroup {

int64_t KeyedCounters::Get(std::string_view key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? 0 : it->second;
}

bool KeyedCounters::Has(std::string_view key) const { return values_.find(key) != values_.end(); }

Result<KeyedCounters> ParseKeyedCounters(std::string_view text) {
  KeyedCounters counters;
  for (const std::string_view line : Split(text, '\n')) {
    if (Trim(line).empty()) continue;
    const auto words = Words(line);
    if (words.size() != 2) return Fail("line '{}' is not KEY VALUE", line);
    const auto value = ParseInt(words[1]);
    if (!value) return Fail("line '{}': {}", line, value.error().message);
    counters.Set(std::string(words[0]), *value);
  }
  return counters;
}

Result<KeyedCounters> ReadKeyed(const Cgroup& group, const std::string& file) {
  auto counters = ParseKeyedCounters(TRY(group.Read(file)));
  if (!counters) return Fail("{}/{}: {}", group.path(), file, counters.error().message);
  return counters;
}

Result<CpuStat> ReadCpuStat(const Cgroup& group) {
  const KeyedCounters counters = TRY(ReadKeyed(group, "cpu.stat"));
  if (!counters.Has("usage_usec")) return Fail("{}/cpu.stat has no usage_usec", group.path());
  return CpuStat{
      .usage = Microseconds(counters.Get("usage_usec")),
      .user = Microseconds(counters.Get("user_usec")),
      .system = Microseconds(counters.Get("system_usec")),
      .nr_periods = counters.Get("nr_periods"),
      .nr_throttled = counters.Get("nr_throttled"),
      .throttled = Microseconds(counters.Get("throttled_usec")),
      .nr_bursts = counters.Get("nr_bursts"),
      .burst = Microseconds(counters.Get("burst_usec")),
  };
}

CpuStat operator-(const CpuStat& later, const CpuStat& earlier) {
  return CpuStat{
      .usage = later.usage - earlier.usage,
      .user = later.user - earlier.user,
      .system = later.system - earlier.system,
      .nr_periods = later.nr_periods - earlier.nr_periods,
      .nr_throttled = later.nr_throttled - earlier.nr_throttled,
      .throttled = later.throttled - earlier.throttled,
      .nr_bursts = later.nr_bursts - earlier.nr_bursts,
      .burst = later.burst - earlier.burst,
  };
}

Result<int64_t> ReadNumber(const Cgroup& group, const std::string& file) {
  const std::string text = TRY(group.Read(file));
  if (Trim(text) == "max") return std::numeric_limits<int64_t>::max();
  const auto number = ParseInt(Trim(text));
  if (!number) return Fail("{}/{}: {}", group.path(), file, number.error().message);
  return number;
}

Result<IoStat> ParseIoStat(std::string_view text, std::string_view disk) {
  IoStat stat;
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.empty() || words.front() != disk) continue;
    for (const std::string_view word : words) {
      const size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view key = word.substr(0, equals);
      int64_t* number = key == "rbytes"   ? &stat.read.value
                        : key == "wbytes" ? &stat.written.value
                        : key == "rios"   ? &stat.reads
                        : key == "wios"   ? &stat.writes
                                          : nullptr;
      if (number == nullptr) continue;  // discards, and what schedulers and iocost add
      const auto value = ParseInt(word.substr(equals + 1));
      if (!value) return Fail("'{}': {}", word, value.error().message);
      *number = *value;
    }
  }
  return stat;
}

Result<IoStat> ReadIoStat(const Cgroup& group, std::string_view disk) {
  auto stat = ParseIoStat(TRY(group.Read("io.stat")), disk);
  if (!stat) return Fail("{}/io.stat: {}", group.path(), stat.error().message);
  return stat;
}

IoStat operator-(const IoStat& later, const IoStat& earlier) {
  return IoStat{.read = later.read - earlier.read,
                .written = later.written - earlier.written,
                .reads = later.reads - earlier.reads,
                .writes = later.writes - earlier.writes};
}

namespace {

// "avg10=1.25 avg60=0.43 avg300=0.09", by words.
Result<std::array<double, 3>> ParseAverages(std::span<const std::string_view> words) {
  std::array<double, 3> averages = {};
  for (size_t i = 0; i < averages.size(); ++i) {
    const std::string_view text = words[i].substr(words[i].find('=') + 1);
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), averages[i],
                                        std::chars_format::fixed);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
      return Fail("'{}' is not an average", words[i]);
    }
  }
  return averages;
}

}  // namespace

Result<Pressure> ParsePressure(std::string_view text) {
  Pressure pressure;
  bool found = false;
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.size() != 5 || !words[4].starts_with("total=")) continue;
    const auto total = ParseInt(words[4].substr(6));
    if (!total) return Fail("pressure line '{}': {}", line, total.error().message);
    const auto averages = ParseAverages(std::span(words).subspan(1, 3));
    if (!averages) return Fail("pressure line '{}': {}", line, averages.error().message);
    found = true;
    if (words[0] == "some") {
      pressure.some_total = Microseconds(*total);
      pressure.some_average = *averages;
    }
    if (words[0] == "full") {
      pressure.full_total = Microseconds(*total);
      pressure.full_average = *averages;
    }
  }
  if (!found) return Fail("no pressure line with a total");
  return pressure;
}

Result<Pressure> ReadPressure(const Cgroup& group, const std::string& file) {
  auto pressure = ParsePressure(TRY(group.Read(file)));
  if (!pressure) return Fail("{}/{}: {}", group.path(), file, pressure.error().message);
  return pressure;
}

}  // namespace nodeproof::cgroup
