// What the quota claims share: pods with limits, what cpu.stat says from window to window, and the
// measurement of a quota that is always spent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "conformance/cpu/quota_span.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {

inline constexpr Microseconds kPeriod{100'000};
// Periods to watch for what must never happen: 18 without it leave at most one in four or five
// possible (99 %).
inline constexpr int kNeverWindows = 18;
// A period whose refill came this much late is not the kernel's period any more. Measured from
// outside the capsule by real-time threads, which wake every kWatch: see measure::StallMonitor.
inline constexpr Nanoseconds kStall = Milliseconds(10);
inline constexpr Nanoseconds kWatch = Milliseconds(5);

// A pod whose container main has the CPU limit `limit`, and that has no quota of its own because
// its second container has no limit (Kubernetes 1.36, ResourceConfigForPod).
kubelet::Pod LimitedPod(std::string_view limit, std::string_view name = "pod");

// What one group's cpu.stat and its node did in one window.
class QuotaMeter {
 public:
  // A stall of the node matters only where what is claimed depends on refills in time: not in a
  // control arm, whose quota is gone or always spent.
  QuotaMeter(const cgroup::Cgroup& group, measure::StallMonitor& stalls, Nanoseconds stall,
             bool refills_matter)
      : group_(group), stalls_(stalls), stall_(stall), refills_matter_(refills_matter) {}

  Status Open();

  // The change since the last call; `disturbance` says when the node stood still in between.
  struct Change {
    cgroup::CpuStat stat;
    std::optional<std::string> disturbance;
    Nanoseconds stall{0};  // the longest of the node
  };
  Result<Change> Close();

 private:
  const cgroup::Cgroup& group_;
  measure::StallMonitor& stalls_;
  Nanoseconds stall_;
  bool refills_matter_;
  cgroup::CpuStat last_;
};

// What a load did in the windows that count.
struct LoadSum {
  Microseconds usage{0};
  Seconds wall{0};
  int64_t periods = 0;

  void Add(const QuotaMeter::Change& change, Seconds window);
  // At least `cpus` CPUs all the time.
  results::LoadProof Proof(std::string name, double cpus) const;
};

// The quota was in force: the kernel counted its periods (one in eight may lie across the ends).
results::LoadProof PeriodsProof(const LoadSum& load, Microseconds period);

double Cpus(const cgroup::CpuStat& stat, Seconds wall);

// Returns when the quota of `group` has just been refilled (nr_periods grew), at the latest after
// `patience`: a group without a quota is never refilled.
Status AwaitRefill(const Clock& clock, const cgroup::Cgroup& group, Nanoseconds patience);

// A quota that is to be spent in every period by a group that wants more on each of `cpus` CPUs,
// and leaves a quarter of each period to be throttled in.
struct SpentQuota {
  std::string name;  // of the quantity: "CPU time a period"
  const cgroup::Cgroup* group = nullptr;
  Microseconds quota{0};
  Microseconds period = kPeriod;
  int cpus = 1;
  // Set where nothing else wants these CPUs: how far the time throttled may be from the rest of the
  // period, on each CPU.
  std::optional<Nanoseconds> throttled_tolerance = std::nullopt;
  // How far from the quota the result may lie, the uncertainty of its ends included: less than half
  // of a tenth. Periods are watched for as long as it takes the ends to weigh less than that.
  double tolerance = 0.04;
};
inline constexpr const char* kSpentQuotaTolerance =
    "The group is read once a period, while it is throttled and holds no runtime. Between two such "
    "readings it was charged its refills and the difference of two debts, on each CPU at most a "
    "tick (4 ms at HZ=250) and what the node may have stood still in that period (what the "
    "watching "
    "threads saw, and the 5 ms that they sleep): that is the interval. "
    "Periods are added until it fits into 4 % of the quota, less than half of a tenth. A period in "
    "which the node stood still for so long that a quota may have been lost is left out and "
    "counted, as is one in which the group was not throttled while others had the CPU time that it "
    "lacks; the evidence comes from real-time threads outside the capsule and from /proc/stat.";

struct SpentQuotaChecks {
  results::Check used;       // CPU time a period, in usec: to be the quota
  results::Check throttled;  // time throttled a period on all CPUs, in usec: to be the rest
  // Of the periods that the kernel counted, without those in which the node stood still for a fifth
  // of one or the group did not get to the end of its quota, where there are others: to be 1.
  double throttled_periods;
  results::LoadProof load;  // a tenth of the quota at least was used: somebody wanted it
  std::vector<std::string> notes;
};

// Reads the group once a period, while it is throttled, until `used` (and `throttled`) are decided.
Result<SpentQuotaChecks> MeasureSpentQuota(ArmContext& context, measure::StallMonitor& stalls,
                                           const SpentQuota& quota);

// Adds what was measured to an arm: its checks, its load, its notes.
void Take(results::Arm& arm, const SpentQuotaChecks& measured, bool throttled = false);

// Turns a check in microseconds a period into one in CPUs.
void InCpus(results::Check& check, Microseconds period);

// A hog in `group`, pinned to each of `cpus`, all of them running.
Result<std::vector<stress::CpuHog>> StartHogs(ArmContext& context, const cgroup::Cgroup& group,
                                              const std::string& name, const CpuSet& cpus);
// Each did some work.
results::LoadProof WorkProof(const std::vector<stress::CpuHog>& hogs);

// What every arm tells of its tree.
void TellTree(results::Arm& arm, const capsule::Tree& tree);

}  // namespace nodeproof::conformance
