// A stretch of time in which stalls are read beside the CPU time that their tasks had: a task that
// always wants to run waits for all the rest.
#pragma once

#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::conformance {

// Each edge of a stretch is off by what lies between the readings there, which are taken one after
// the other, and by a tick: until then the kernel may not have charged what runs (HZ=250).
inline constexpr Nanoseconds kEdge = Milliseconds(4);

// What grew between two readings.
struct Growth {
  Nanoseconds wall{0};
  Nanoseconds error{0};                    // of every value here, at most
  std::vector<Nanoseconds> ran;            // by each process
  std::vector<cgroup::Pressure> pressure;  // of each file
};

class Stretch {
 public:
  // A pressure file of a group, or one below /proc/pressure when `group` is nullptr.
  struct File {
    const cgroup::Cgroup* group = nullptr;
    std::string name;
  };
  using RunTime = std::function<Result<Nanoseconds>()>;

  Stretch(const Clock& clock, std::vector<RunTime> processes, std::vector<File> files)
      : clock_(&clock), processes_(std::move(processes)), files_(std::move(files)) {}

  Status Begin();
  // Since Begin(); may be asked again.
  Result<Growth> Read() const;

 private:
  struct Reading {
    Nanoseconds first{0}, last{0};  // the clock before and after it
    std::vector<Nanoseconds> ran;
    std::vector<cgroup::Pressure> pressure;
  };
  Result<Reading> ReadAllNow() const;

  const Clock* clock_;
  std::vector<RunTime> processes_;
  std::vector<File> files_;
  Reading begun_;
};

// An error marked `unsupported` unless `group` has `file`, and the kernel tells pressure at all.
Status RequirePressure(const cgroup::Cgroup& group, const std::string& file);

// A check of a part of the stretch: `expected` of it, within its error and `more`.
results::Check PartIs(std::string name, const Growth& growth, results::Relation relation,
                      Nanoseconds expected, Nanoseconds measured, Nanoseconds more = {});

}  // namespace nodeproof::conformance
