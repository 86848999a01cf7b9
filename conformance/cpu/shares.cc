#include "conformance/cpu/shares.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "harness/cgroup/stats.h"
#include "harness/measure/fairness.h"
#include "harness/measure/idle_time.h"

namespace nodeproof::conformance {
namespace {

using results::Finding;
using results::Relation;

// Shorter stalls move a window by no more than its edges do (2 x 4 ms). A thread that wakes at this
// period sees every stall of twice its length.
constexpr Nanoseconds kStall = Milliseconds(10);
// Over which a hog that wants a part of a CPU may catch up what it had to wait for.
constexpr Nanoseconds kDemandStretch = Milliseconds(1000);
// The kernel charges a stall to whoever ran: who has a share s of the CPU then gets nothing until
// the others are even, which takes stall / s. A window ends only after that time...
constexpr Nanoseconds kWatchInterval = Milliseconds(100);
constexpr double kLeastShare = 0.1;  // who has less is rarely the one who runs
// ...but is no longer than this: what is not yet made up for weighs a fourth in it, and the
// interval over the windows tells.
constexpr int kLongestWindow = 4;  // windows

double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double ShareOf(double part, double all) { return all > 0 ? part / all : 0; }

// Whether `measured` may lie in the band once that is wider by `more` on either side.
bool LiesNear(const results::Check& check, double more) {
  results::Expectation wider = check.expected;
  wider.tolerance += more;
  return measure::Judge(wider, check.measured) != Finding::kOutside;
}

}  // namespace

double Stretch::TotalUsage() const { return Sum(usage_usec); }
double Stretch::ShareByUsage(size_t contender) const {
  return ShareOf(usage_usec[contender], TotalUsage());
}

double Stretch::ShareOfWork(const std::vector<size_t>& part, const std::vector<size_t>& some,
                            const std::vector<double>& shares) const {
  constexpr double kLeastRan = 0.5;  // of what was charged, for a speed of its own
  double all_rounds = 0, all_ran = 0, all_usage = 0;
  for (const size_t i : some) {
    all_rounds += rounds[i];
    all_ran += ran_usec[i];
    all_usage += usage_usec[i];
  }
  const bool have_speed = all_ran > kLeastRan * all_usage && all_rounds > 0;
  const double common = have_speed ? all_rounds / all_ran : 1;
  double all = 0, wanted = 0;
  for (const size_t i : some) {
    const bool own = have_speed && rounds[i] > 0 && ran_usec[i] > kLeastRan * usage_usec[i];
    const double work = shares[i] * (own ? rounds[i] / ran_usec[i] : common);
    all += work;
    if (std::ranges::find(part, i) != part.end()) wanted += work;
  }
  return ShareOf(wanted, all);
}

// What the hogs of one contender have used and done at some moment.
struct Contest::Reading {
  double usage_usec = 0;
  double work = 0;
  double held_up_usec = 0;
};

// The hogs of one contender.
class Contest::Side {
 public:
  static Result<Side> Start(const Contender& contender, const CpuSet& cpus,
                            const cgroup::StartGate& gate) {
    Side side(contender.counted_at);
    for (const int cpu : cpus) {
      for (int i = 0; i < contender.hogs; ++i) {
        side.hogs_.push_back(
            TRY(stress::CpuHog::Start({.name = fmt::format("hog-{}", contender.name),
                                       .group = contender.runs_in,
                                       .affinity = CpuSet{cpu},
                                       .duty = contender.demand,
                                       .meter = kDemandStretch,
                                       .gate = &gate})));
      }
    }
    return side;
  }

  Status AwaitReady(Seconds timeout) {
    for (stress::CpuHog& hog : hogs_) TRY(hog.AwaitReady(timeout));
    return {};
  }

  Result<Reading> Read() {
    Reading reading;
    if (counted_at_ != nullptr) {
      reading.usage_usec =
          static_cast<double>(TRY(cgroup::ReadCpuStat(*counted_at_)).usage.count());
    }
    for (stress::CpuHog& hog : hogs_) {
      if (counted_at_ == nullptr) {
        reading.usage_usec += static_cast<double>(TRY(hog.CpuTime()).count()) / 1000;
      }
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

  void Stop() {
    for (stress::CpuHog& hog : hogs_) hog.Stop();
  }

  uint64_t LeastWork() const {
    uint64_t least = UINT64_MAX;
    for (const stress::CpuHog& hog : hogs_) least = std::min(least, hog.Work());
    return least;
  }

 private:
  explicit Side(const cgroup::Cgroup* counted_at) : counted_at_(counted_at) {}
  const cgroup::Cgroup* counted_at_;
  std::vector<stress::CpuHog> hogs_;
};

Contest::Contest(ArmContext& context, CpuSet cpus) : context_(&context), cpus_(std::move(cpus)) {}
Contest::~Contest() {
  for (Side& side : sides_) side.Stop();
}
Contest::Contest(Contest&&) noexcept = default;

Result<Contest> Contest::Start(ArmContext& context, const CpuSet& cpus,
                               std::vector<Contender> contenders) {
  Contest contest(context, cpus);
  contest.contenders_ = std::move(contenders);
  const cgroup::StartGate gate = TRY(cgroup::StartGate::Create());
  for (const Contender& contender : contest.contenders_) {
    contest.sides_.push_back(TRY(Side::Start(contender, cpus, gate)));
  }
  for (Side& side : contest.sides_) TRY(side.AwaitReady(context.patience()));
  contest.stalls_ = TRY(measure::StallMonitor::Start(cpus, kStall));
  gate.Open();
  return contest;
}

uint64_t Contest::LeastWork() const {
  uint64_t least = UINT64_MAX;
  for (const Side& side : sides_) least = std::min(least, side.LeastWork());
  return least;
}

Status Contest::AwaitWork() {
  const Clock& clock = context_->clock();
  const Nanoseconds deadline =
      clock.Now() + std::chrono::duration_cast<Nanoseconds>(context_->patience());
  while (LeastWork() == 0) {
    if (clock.Now() > deadline) return Fail("a hog did no work at all");
    clock.WaitUntil(clock.Now() + Milliseconds(1));
  }
  return {};
}

Result<std::vector<Contest::Reading>> Contest::Read() {
  std::vector<Reading> readings;
  for (Side& side : sides_) readings.push_back(TRY(side.Read()));
  return readings;
}

Result<Seconds> Contest::Idle() const {
  Seconds idle{0};
  for (const int cpu : cpus_) idle += TRY(measure::IdleTime(cpu));
  return idle;
}

Stretch Contest::Between(const std::vector<Reading>& from, const std::vector<Reading>& to,
                         Seconds wall, Seconds idle) const {
  Stretch stretch{wall, {}, {}, {}, idle};
  for (size_t i = 0; i < from.size(); ++i) {
    const double usage = to[i].usage_usec - from[i].usage_usec;
    stretch.usage_usec.push_back(usage);
    stretch.ran_usec.push_back(usage - (to[i].held_up_usec - from[i].held_up_usec));
    stretch.rounds.push_back(to[i].work - from[i].work);
  }
  return stretch;
}

// A kernel that charges a group less or more than it ran is found out by the work that it does for
// its share; a hypervisor is not.
std::vector<StretchQuantity> Contest::Shares() const {
  std::vector<StretchQuantity> quantities;
  std::vector<size_t> hogs;  // those whose work tells their share
  std::vector<double> shares;
  double expected_of_hogs = 0;
  for (size_t i = 0; i < contenders_.size(); ++i) {
    const Contender& contender = contenders_[i];
    quantities.push_back({{fmt::format("share of {} by {}", contender.name,
                                       contender.counted_at ? "usage_usec" : "CPU clock"),
                           {contender.expected_share, Relation::kWithin, kShareTolerance, "ratio"}},
                          [i](const Stretch& stretch) { return stretch.ShareByUsage(i); }});
    shares.push_back(contender.expected_share);
    if (contender.demand < 1) continue;
    hogs.push_back(i);
    expected_of_hogs += contender.expected_share;
  }
  if (hogs.size() < 2) return quantities;
  for (const size_t i : hogs) {
    const double expected = ShareOf(contenders_[i].expected_share, expected_of_hogs);
    quantities.push_back({{fmt::format("work of {} for its share", contenders_[i].name),
                           {expected, Relation::kWithin, kWorkTolerance, "ratio"}},
                          [i, hogs, shares](const Stretch& stretch) {
                            return stretch.ShareOfWork({i}, hogs, shares);
                          }});
  }
  return quantities;
}

Result<std::vector<results::Check>> Contest::Measure(const std::vector<StretchQuantity>& quantities,
                                                     Milliseconds window) {
  std::vector<measure::Quantity> judged;
  for (const StretchQuantity& each : quantities) judged.push_back(each.quantity);

  const Clock& clock = context_->clock();
  std::vector<Reading> start, last;
  Nanoseconds started{0}, opened{0};
  Seconds idle_start{0}, idle_last{0};
  int windows = 0, lengthened = 0;
  double wanted = 0;  // CPUs
  for (const Contender& contender : contenders_) wanted += contender.demand * contender.hogs;
  const double window_usec = static_cast<double>(Microseconds(window).count()) *
                             static_cast<double>(cpus_.size()) * std::min(1.0, wanted);
  const auto open = [&]() -> Status {
    start = last = TRY(Read());
    idle_start = idle_last = TRY(Idle());
    started = opened = clock.Now();
    return {};
  };
  const auto close = [&](Seconds) -> Result<measure::Window> {
    AwaitSettled(opened, window);
    const std::vector<Reading> now = TRY(Read());
    const Seconds idle = TRY(Idle());
    const Nanoseconds closed = clock.Now();
    const Stretch stretch = Between(last, now, Seconds(closed - opened), idle - idle_last);
    // A host that takes most of the CPUs away leaves the hogs a few rounds in a window, and one
    // side perhaps none: a window goes on until they have run half of it, all together.
    if (Sum(stretch.ran_usec) < 0.5 * window_usec) return measure::Window{.unfinished = true};
    ++windows;
    lengthened += closed - opened > window + kWatchInterval;
    measure::Window taken;
    for (const StretchQuantity& each : quantities) taken.samples.push_back(each.value(stretch));
    last = now;
    idle_last = idle;
    opened = closed;
    return taken;
  };
  measure::WindowedChecks taken = TRY(context_->TakeWindows(
      std::chrono::duration_cast<Milliseconds>(kWatchInterval), judged, open, close));
  whole_ = Between(start, last, Seconds(opened - started), idle_last - idle_start);
  ExcuseMissingCapacity(taken.checks);
  notes_.insert(notes_.end(), taken.notes.begin(), taken.notes.end());
  if (lengthened > 0) {
    notes_.push_back(
        fmt::format("{} of {} windows lengthened: the node stood still for more than {}",
                    lengthened, windows, FormatDuration(Seconds(kStall))));
  }
  return std::move(taken.checks);
}

// Who wants a part of a CPU gets that part of the CPU, whatever the hogs are left. Where others
// than the contenders had some of the CPU, it has a larger share of what they used.
void Contest::ExcuseMissingCapacity(std::vector<results::Check>& checks) {
  double metered = 0;  // CPUs
  for (const Contender& contender : contenders_) {
    if (contender.demand < 1) metered += contender.demand * contender.hogs;
  }
  const double used =
      ShareOf(whole_.TotalUsage(), whole_.wall.count() * 1e6 * static_cast<double>(cpus_.size()));
  if (metered == 0 || used == 0) return;
  const double moved = metered * (1 - used) / used;
  for (results::Check& check : checks) {
    const bool is_share = check.expected.relation == Relation::kWithin;
    if (!is_share || check.finding != Finding::kOutside || !LiesNear(check, moved)) continue;
    check.finding = Finding::kUnclear;
    notes_.push_back(fmt::format("{}: others used {:.3f} of the CPUs, which may move it by {:.3f}",
                                 check.name, 1 - used, moved));
  }
}

std::vector<results::Check> Contest::NobodyStarved() const {
  constexpr double kTooSmall = 2 * kShareTolerance;
  constexpr double kLeastPart = 0.1;
  int small = 0, starved = 0;
  for (size_t i = 0; i < contenders_.size(); ++i) {
    const double expected = contenders_[i].expected_share;
    if (expected <= 0 || expected >= kTooSmall) continue;
    ++small;
    starved += whole_.ShareByUsage(i) < kLeastPart * expected;
  }
  if (small == 0) return {};
  results::Check check =
      measure::ExactCheck("contenders that got less than a tenth of a small share",
                          {0, Relation::kAtMost, 0, "count"}, starved);
  if (starved > 0 && stood_still_) check.finding = Finding::kUnclear;
  return {std::move(check)};
}

// Returns when the window that began at `opened` may be closed.
void Contest::AwaitSettled(Nanoseconds opened, Milliseconds window) {
  const Clock& clock = context_->clock();
  const Nanoseconds latest = opened + kLongestWindow * window;
  Nanoseconds settled = opened + window;
  for (Nanoseconds now = clock.Now();; now = clock.Now()) {
    if (const Nanoseconds stall = stalls_->TakeWorst(); stall > kStall) {
      stood_still_ = true;
      const auto repaid =
          now + Nanoseconds(static_cast<int64_t>(static_cast<double>(stall.count()) / kLeastShare));
      settled = std::max(settled, repaid);
    }
    if (now >= std::min(settled, latest)) return;
    clock.WaitUntil(std::min({settled, latest, now + kWatchInterval}));
  }
}

std::string Contest::FairnessNote() const {
  double largest = 0;
  std::vector<double> served;
  for (size_t i = 0; i < contenders_.size(); ++i) {
    const double share = whole_.ShareByUsage(i);
    const double expected = contenders_[i].expected_share;
    largest = std::max(largest, std::abs(share - expected));
    if (expected > 0) served.push_back(share / expected);
  }
  return fmt::format("over all windows: largest share error {:.4f}, Jain's fairness index {:.4f}",
                     largest, measure::JainIndex(served));
}

Result<results::Arm> Contest::Report(std::string description, const capsule::Tree& tree,
                                     std::vector<results::Check> checks, Capacity capacity) {
  double wanted = 0;  // CPUs
  for (size_t i = 0; i < sides_.size(); ++i) {
    TRY(sides_[i].StillRunning());
    wanted += contenders_[i].demand * contenders_[i].hogs;
  }
  results::Arm arm;
  arm.description = std::move(description);
  arm.checks = std::move(checks);
  arm.notes = std::move(notes_);
  arm.notes.push_back(FairnessNote());
  arm.notes.insert(arm.notes.end(), tree.discrepancies().begin(), tree.discrepancies().end());
  arm.tree = tree.entries();
  arm.load = {{"the hog that did least", "rounds", 1, static_cast<double>(LeastWork())}};
  if (capacity == Capacity::kUsed) {
    // A fifth is left to the agent, the stall monitor (on a slow guest 0.3 ms in every 10, and the
    // stalls that hit it), the kernel's own threads and what is not yet charged at the end.
    const double possible_usec =
        whole_.wall.count() * 1e6 * static_cast<double>(cpus_.size()) * std::min(1.0, wanted);
    arm.load.push_back({"all hogs together", "usec", 0.8 * possible_usec, whole_.TotalUsage()});
  }
  return arm;
}

Result<results::Arm> MeasureShares(ArmContext& context, const capsule::Tree& tree,
                                   const CpuSet& cpus, std::vector<Contender> contenders,
                                   std::string description) {
  Contest contest = TRY(Contest::Start(context, cpus, std::move(contenders)));
  std::vector<results::Check> checks = TRY(contest.Measure(contest.Shares()));
  std::ranges::move(contest.NobodyStarved(), std::back_inserter(checks));
  return contest.Report(std::move(description), tree, std::move(checks));
}

}  // namespace nodeproof::conformance
