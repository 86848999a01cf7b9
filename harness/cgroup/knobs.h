// Knobs: writing a cgroup file and reading back what the kernel took. A knob that the kernel
// accepts but does not keep is a finding for a claim, not an error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/cgroup/cgroup.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::cgroup {

// cpu.max: "QUOTA PERIOD" or "max PERIOD". The kernel takes periods of 1 ms to 1 s and quotas from
// 1 ms (kernel/sched/core.c, tg_set_cfs_bandwidth).
struct CpuMax {
  std::optional<Microseconds> quota;  // nullopt is "max"
  Microseconds period{100'000};
  bool operator==(const CpuMax&) const = default;

  static Result<CpuMax> Parse(std::string_view text);
  std::string ToString() const;
};

struct KnobReading {
  std::string file;
  std::string wanted;  // as written
  std::string taken;   // as read back, without the line end
  // False when the kernel kept another value than the one written, beyond its documented
  // normalisation (memory limits are rounded down to a page, lists are put in order).
  bool kept = true;
};

// Whether reading back `taken` is what the kernel documents for writing `wanted` to `file`.
bool SameSetting(std::string_view file, std::string_view wanted, std::string_view taken,
                 Bytes page_size);

// Writes `value` to `file` of `group` and reads it back. Errors: the write or the read failed.
Result<KnobReading> SetKnob(const Cgroup& group, const std::string& file, const std::string& value);

Result<CpuMax> ReadCpuMax(const Cgroup& group);
Result<CpuSet> ReadCpuSet(const Cgroup& group, const std::string& file);

}  // namespace nodeproof::cgroup
