// Measuring how groups of hogs share CPUs: the load and the samples behind the weight claims.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {

// One side of a contest: hogs on each of its CPUs, pinned, and how their CPU time is counted.
struct Contender {
  std::string name;
  const cgroup::Cgroup* runs_in = nullptr;
  // Whose cpu.stat is read; may be an ancestor. nullptr: the hogs' own CPU clocks are.
  const cgroup::Cgroup* counted_at = nullptr;
  double expected_share = 0;  // of the CPU time that all contenders use together
  double demand = 1;          // CPUs that each hog wants
  int hogs = 1;               // on each CPU
};

inline constexpr Milliseconds kShareWindow{300};
// How far the mean over windows can be off without any fault. The task that runs may have gone
// uncharged for a tick. Windows follow each other, so what is missing at the end of one is in the
// next: of the first look's 8 x 300 ms only the outer edges are off, 2 x 4 ms (HZ=250) or 2 x 10 ms
// (HZ=100), 0.0083. A sibling's weight that is a tenth off moves a share of 0.3 to 0.7 by 0.02.
inline constexpr double kShareTolerance = 0.01;
// Of the share by work: the speeds behind it do not see hold-ups shorter than a round and 100 us.
// Some two thousand of them a second (a host's interrupts and switches) are 0.2 of the time; when
// they hit one side only, a share s moves by s (1 - s) x 0.2, at most 0.05.
inline constexpr double kWorkTolerance = 0.05;

// The same for `nodeproof doc`.
inline constexpr const char* kShareToleranceText =
    "At an edge of a 300 ms window the running task may be uncharged for one tick; the next window "
    "has it, so that of eight windows only the outer edges are off: 2 x 10 / 2400 = 0.0083 at "
    "HZ=100, 0.0033 at HZ=250; 0.01. By work: hold-ups shorter than 100 us are not corrected; 0.2 "
    "of the time of one side moves a share s by s (1 - s) x 0.2, at most 0.05. A window in which "
    "the node stood still "
    "(real-time threads outside the capsule tell) is lengthened: the kernel charges the stall to "
    "whoever ran, and then makes up for it. Of a share below 0.02 a tenth must have come over "
    "all windows.";

// What the contenders used and did in a stretch of time, by contender.
struct Stretch {
  Seconds wall{0};
  std::vector<double> usage_usec;  // charged
  std::vector<double> ran_usec;    // of which the CPU did not stand still under them
  std::vector<double> rounds;      // of work
  Seconds idle{0};                 // of all CPUs of the contest together

  double TotalUsage() const;
  // usage of one of what all used; 0 when nobody used anything
  double ShareByUsage(size_t contender) const;
  // The part of the work that those of `some` who are in `part` do when each has its part of the
  // CPU time in `shares` (by contender): a charged CPU second that holds less work than others'
  // counts for less. Speeds are those of the CPU time that a hypervisor did not take away; of whom
  // that is less than half of what was charged, it is taken to be as fast as all of `some`
  // together.
  double ShareOfWork(const std::vector<size_t>& part, const std::vector<size_t>& some,
                     const std::vector<double>& shares) const;
};

// A quantity that each stretch gives one sample of.
struct StretchQuantity {
  measure::Quantity quantity;
  std::function<double(const Stretch&)> value;
};

// A contest for CPUs: all hogs start at once, and run until the contest goes.
class Contest {
 public:
  static Result<Contest> Start(ArmContext& context, const CpuSet& cpus,
                               std::vector<Contender> contenders);
  Contest(Contest&&) noexcept;
  Contest& operator=(Contest&&) = delete;
  ~Contest();

  // Returns when every hog has done some work.
  Status AwaitWork();

  // The share of each contender, in their order, so that the first one's decides: by usage_usec
  // (all of them first), then by work among those who want all they can get.
  std::vector<StretchQuantity> Shares() const;

  // Takes windows until all `quantities` are decided. May be called again for another phase, from
  // which `whole` then counts.
  Result<std::vector<results::Check>> Measure(const std::vector<StretchQuantity>& quantities,
                                              Milliseconds window = kShareWindow);

  // That those whose share is too small for Shares() to tell it from nothing got a tenth of it at
  // least, over all that the last Measure measured; nothing where there are none. Unclear where one
  // did not and the node stood still since the contest began: a stall that was charged to it before
  // may take longer to be made up for.
  std::vector<results::Check> NobodyStarved() const;

  // Watches the contest's CPUs.
  measure::StallMonitor& stalls() { return *stalls_; }
  // All that the last Measure measured, as one stretch.
  const Stretch& whole() const { return whole_; }

  enum class Capacity { kUsed, kJudged };
  // The arm as reports tell it: checks, notes (with the largest share error and Jain's index), tree
  // and load proofs. With kUsed one proof is that the contenders used all the CPU time that they
  // could; kJudged is for claims that judge that themselves. Errors: a hog has ended.
  Result<results::Arm> Report(std::string description, const capsule::Tree& tree,
                              std::vector<results::Check> checks,
                              Capacity capacity = Capacity::kUsed);

 private:
  class Side;
  struct Reading;

  Contest(ArmContext& context, CpuSet cpus);
  Result<std::vector<Reading>> Read();
  Stretch Between(const std::vector<Reading>& from, const std::vector<Reading>& to, Seconds wall,
                  Seconds idle) const;
  Result<Seconds> Idle() const;  // of the contest's CPUs, since boot
  void AwaitSettled(Nanoseconds opened, Milliseconds window);
  void ExcuseMissingCapacity(std::vector<results::Check>& checks);
  uint64_t LeastWork() const;
  std::string FairnessNote() const;

  ArmContext* context_;
  CpuSet cpus_;
  std::vector<Contender> contenders_;
  std::vector<Side> sides_;
  std::unique_ptr<measure::StallMonitor> stalls_;
  Stretch whole_;
  bool stood_still_ = false;  // the node, for longer than windows make up for
  std::vector<std::string> notes_;
};

// The usual arm: starts a contest, measures Contest::Shares, reports.
Result<results::Arm> MeasureShares(ArmContext& context, const capsule::Tree& tree,
                                   const CpuSet& cpus, std::vector<Contender> contenders,
                                   std::string description);

}  // namespace nodeproof::conformance
