// What a cgroup counts: cpu.stat, memory.stat, *.events, *.pressure. Every reader takes the group,
// so that tests hand it a fake tree. Source: Documentation/admin-guide/cgroup-v2.rst.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/cgroup/cgroup.h"

namespace nodeproof::cgroup {

// A flat keyed file ("KEY VALUE\n"...). Get() of a key that the kernel does not report is 0; Has()
// tells the two apart.
class KeyedCounters {
 public:
  int64_t Get(std::string_view key) const;
  bool Has(std::string_view key) const;
  void Set(std::string key, int64_t value) { values_[std::move(key)] = value; }
  const std::map<std::string, int64_t, std::less<>>& values() const { return values_; }

 private:
  std::map<std::string, int64_t, std::less<>> values_;
};

Result<KeyedCounters> ParseKeyedCounters(std::string_view text);

// memory.stat, memory.events, memory.events.local, pids.events, cgroup.stat, ...
Result<KeyedCounters> ReadKeyed(const Cgroup& group, const std::string& file);

// cpu.stat; the bandwidth fields are 0 where the cpu controller is off.
struct CpuStat {
  Microseconds usage{0};
  Microseconds user{0};
  Microseconds system{0};
  int64_t nr_periods = 0;
  int64_t nr_throttled = 0;
  Microseconds throttled{0};
  int64_t nr_bursts = 0;
  Microseconds burst{0};
};
Result<CpuStat> ReadCpuStat(const Cgroup& group);

// The difference of two readings of the same group.
CpuStat operator-(const CpuStat& later, const CpuStat& earlier);

// A number of bytes in a file of its own: memory.current, memory.peak, pids.current, ...
// The word "max" reads as INT64_MAX.
Result<int64_t> ReadNumber(const Cgroup& group, const std::string& file);

// One disk's line of io.stat: what a group and those below it had done there.
struct IoStat {
  Bytes read{0};
  Bytes written{0};
  int64_t reads = 0;
  int64_t writes = 0;
  bool operator==(const IoStat&) const = default;
};
// `disk` as io.stat names it, "259:0". All is 0 for a disk that has no line yet.
Result<IoStat> ParseIoStat(std::string_view text, std::string_view disk);
Result<IoStat> ReadIoStat(const Cgroup& group, std::string_view disk);
IoStat operator-(const IoStat& later, const IoStat& earlier);

// cpu.pressure, memory.pressure, io.pressure: stall totals since the group was made, and the
// kernel's running averages over 10, 60 and 300 s in percent.
struct Pressure {
  Microseconds some_total{0};
  Microseconds full_total{0};
  std::array<double, 3> some_average = {};
  std::array<double, 3> full_average = {};
};
Result<Pressure> ParsePressure(std::string_view text);
Result<Pressure> ReadPressure(const Cgroup& group, const std::string& file);

}  // namespace nodeproof::cgroup
