#include "conformance/cpu/shares.h"

#include "harness/cgroup/stats.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// The hogs of one contender and what they have used at some moment.
class Side {
 public:
  static Result<Side> Start(const Contender& contender, const CpuSet& cpus) {
    Side side(contender);
    for (const int cpu : cpus) {
      side.hogs_.push_back(TRY(stress::CpuHog::Start({.name = fmt::format("hog-{}", contender.name),
                                                      .group = contender.runs_in,
                                                      .affinity = CpuSet{cpu}})));
    }
    return side;
  }

  Status AwaitReady(Seconds timeout) {
    for (stress::CpuHog& hog : hogs_) TRY(hog.AwaitReady(timeout));
    return {};
  }

  struct Reading {
    double usage_usec = 0;
    double work = 0;
    double held_up_usec = 0;
  };
  Result<Reading> Read() const {
    Reading reading;
    reading.usage_usec =
        static_cast<double>(TRY(cgroup::ReadCpuStat(*contender_.counted_at)).usage.count());
    for (const stress::CpuHog& hog : hogs_) {
      reading.work += static_cast<double>(hog.Work());
      reading.held_up_usec += static_cast<double>(hog.HeldUp().count()) / 1000;
    }
    return reading;
  }

  // Every hog must have lived to the end, or the shares are those of another contest.
  Status StillRunning() {
    for (stress::CpuHog& hog : hogs_) {
      if (!TRY(hog.Running())) return Fail("{} ended while it was measured", hog.name());
    }
    return {};
  }

  const std::string& name() const { return contender_.name; }

 private:
  explicit Side(const Contender& contender) : contender_(contender) {}
  Contender contender_;
  std::vector<stress::CpuHog> hogs_;
};

// CPU time in which the hogs truly ran between two readings.
double RanBetween(const Side::Reading& from, const Side::Reading& to) {
  return (to.usage_usec - from.usage_usec) - (to.held_up_usec - from.held_up_usec);
}

// The work of a window as it would have been on a CPU that nobody took away: the rate at which the
// hogs worked while they truly ran, over all the CPU time that they were charged. A kernel that
// charges a group less or more than it ran is found out by it; a hypervisor is not.
double WorkBetween(const Side::Reading& from, const Side::Reading& to) {
  const double ran = RanBetween(from, to);
  return ran > 0 ? (to.work - from.work) * (to.usage_usec - from.usage_usec) / ran : 0;
}

double ShareOf(double first, double second) {
  return first + second > 0 ? second / (first + second) : 0;
}

}  // namespace

Result<results::Arm> MeasureShare(ArmContext& context, const capsule::Tree& tree,
                                  const CpuSet& cpus, const Contender& first,
                                  const Contender& second, double expected_share) {
  Side a = TRY(Side::Start(first, cpus));
  Side b = TRY(Side::Start(second, cpus));
  TRY(a.AwaitReady(context.patience()));
  TRY(b.AwaitReady(context.patience()));

  const std::vector<measure::Quantity> quantities = {
      {fmt::format("share of {} by usage_usec", b.name()),
       {expected_share, Relation::kWithin, kShareTolerance, "ratio"}},
      {fmt::format("share of {} by work done, steal-corrected", b.name()),
       {expected_share, Relation::kWithin, kWorkTolerance, "ratio"}}};

  const double window_usec =
      static_cast<double>(Microseconds(kShareWindow).count()) * static_cast<double>(cpus.size());
  Side::Reading a_start, b_start, a_last, b_last;
  Seconds measured{0};
  const auto open = [&]() -> Status {
    a_start = a_last = TRY(a.Read());
    b_start = b_last = TRY(b.Read());
    return {};
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    const Side::Reading a_now = TRY(a.Read());
    const Side::Reading b_now = TRY(b.Read());
    // A host that takes most of the CPUs away leaves the hogs a few rounds in a window, and one
    // side perhaps none: a window goes on until they have run half of it, both together.
    const double ran = RanBetween(a_last, a_now) + RanBetween(b_last, b_now);
    if (ran < 0.5 * window_usec) return measure::Window{.unfinished = true};
    const measure::Window window{
        {ShareOf(a_now.usage_usec - a_last.usage_usec, b_now.usage_usec - b_last.usage_usec),
         ShareOf(WorkBetween(a_last, a_now), WorkBetween(b_last, b_now))},
        std::nullopt};
    a_last = a_now;
    b_last = b_now;
    measured += wall;
    return window;
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(kShareWindow, quantities, open, close));

  TRY(a.StillRunning());
  TRY(b.StillRunning());
  results::Arm arm;
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  arm.tree = tree.entries();
  arm.notes.insert(arm.notes.end(), tree.discrepancies().begin(), tree.discrepancies().end());
  // Saturated: both together used the CPUs all the time. 5 % is left to the agent, the kernel's own
  // threads and the CPU time that is not yet charged when a window closes.
  const double capacity_usec = measured.count() * 1e6 * static_cast<double>(cpus.size());
  const double used =
      a_last.usage_usec - a_start.usage_usec + b_last.usage_usec - b_start.usage_usec;
  arm.load = {{"hogs of " + a.name(), "rounds", 1, a_last.work - a_start.work},
              {"hogs of " + b.name(), "rounds", 1, b_last.work - b_start.work},
              {"all hogs together", "usec", 0.95 * capacity_usec, used}};
  return arm;
}

}  // namespace nodeproof::conformance
