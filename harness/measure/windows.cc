#include "harness/measure/windows.h"

#include <algorithm>
#include <map>

namespace nodeproof::measure {
namespace {

using results::Check;
using results::Finding;

// The state of one measurement while its windows are taken.
class Series {
 public:
  explicit Series(const std::vector<Quantity>& quantities) : samples_(quantities.size()) {
    for (const Quantity& quantity : quantities) {
      checks_.push_back({quantity.name, quantity.expected, {}, Finding::kUnclear});
      least_windows_.push_back(quantity.least_windows);
    }
  }

  void Add(const Window& window) {
    if (window.disturbance) {
      ++disturbances_[*window.disturbance];
      return;
    }
    for (size_t i = 0; i < samples_.size(); ++i) samples_[i].push_back(window.samples[i]);
    ++usable_;
  }

  // Judges every quantity on all its samples. Too few decide nothing, however well they agree.
  Status Look() {
    const bool enough = usable_ >= kLooks.front();
    for (size_t i = 0; i < checks_.size(); ++i) {
      if (samples_[i].size() < 2) continue;
      checks_[i].measured = TRY(MeanInterval(samples_[i], kLookConfidence));
      if (!enough) continue;
      checks_[i].finding = Judge(checks_[i].expected, checks_[i].measured);
      if (checks_[i].finding == Finding::kInside && usable_ < least_windows_[i]) {
        checks_[i].finding = Finding::kUnclear;
      }
    }
    return {};
  }

  // So few windows can be used that there will not be enough for a look.
  bool Hopeless(double budget_spent) const {
    return budget_spent >= 0.5 && 2 * usable_ < kLooks.front();
  }

  // Nothing that more windows could say would change the arm: something is outside, or all inside.
  bool Decided() const {
    const auto is = [](Finding finding) {
      return [finding](const Check& check) { return check.finding == finding; };
    };
    return std::any_of(checks_.begin(), checks_.end(), is(Finding::kOutside)) ||
           std::all_of(checks_.begin(), checks_.end(), is(Finding::kInside));
  }

  int usable() const { return usable_; }

  WindowedChecks Finish() {
    WindowedChecks done{std::move(checks_), {}};
    for (const auto& [reason, count] : disturbances_) {
      done.notes.push_back(
          fmt::format("{} of {} windows discarded: {}", count, count + usable_, reason));
    }
    return done;
  }

 private:
  std::vector<Check> checks_;
  std::vector<int> least_windows_;
  std::vector<std::vector<double>> samples_;
  std::map<std::string, int> disturbances_;
  int usable_ = 0;
};

}  // namespace

Result<WindowedChecks> TakeWindows(const Clock& clock, const WindowPlan& plan,
                                   const std::vector<Quantity>& quantities,
                                   const std::function<Status()>& open, const CloseWindow& close,
                                   const Progress& progress) {
  Series series(quantities);
  TRY(open());
  const Nanoseconds start = clock.Now();
  Nanoseconds opened = start;
  Nanoseconds due = start;  // when the open window is looked at
  int taken = 0;
  size_t next_look = 0;
  while (next_look < kLooks.size() && clock.Now() - start < plan.budget) {
    due = std::max(due, opened) + plan.length;
    clock.WaitUntil(due);
    const Nanoseconds closed = clock.Now();
    const Window window = TRY(close(Seconds(closed - opened)));
    if (window.unfinished) continue;
    opened = closed;
    series.Add(window);
    if (progress) progress(++taken);
    if (series.Hopeless(Seconds(closed - start) / plan.budget)) break;
    if (series.usable() < kLooks[next_look]) continue;
    ++next_look;
    TRY(series.Look());
    if (series.Decided()) return series.Finish();
  }
  TRY(series.Look());
  return series.Finish();
}

}  // namespace nodeproof::measure
