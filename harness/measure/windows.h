// Windows: equal stretches of time, each of which gives one sample of every quantity, taken until
// the quantities are decided or the time budget is spent. Quiet machines finish early, noisy ones
// go on, and what stays undecided is said to be so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.h"
#include "harness/measure/estimate.h"

namespace nodeproof::measure {

struct WindowPlan {
  Milliseconds length{400};
  Seconds budget{20};  // of the clock that the windows are taken on
};

// The interval is looked at after this many windows, and no more often: each look at 1 - 0.01/6
// keeps the chance that any of them errs below 1 % (Bonferroni).
inline constexpr std::array kLooks = {8, 12, 18, 27, 40, 60};
inline constexpr double kLookConfidence =
    1 - (1 - kConfidence) / static_cast<double>(kLooks.size());

struct Quantity {
  std::string name;
  results::Expectation expected;
  // Usable windows that must have been taken before it can be found inside. For events that must
  // never happen: n windows without one leave a rate of 1 - 0.01^(1/n) a window possible (99 %),
  // 0.44 after 8, 0.16 after 27.
  int least_windows = kLooks.front();
};

// What one window gave: a sample for each quantity, or why the window cannot be used (the node was
// held up, the load left its bounds: evidence that does not come from the quantity itself).
struct Window {
  std::vector<double> samples = {};
  std::optional<std::string> disturbance = std::nullopt;
  // Too little happened yet to say anything: the window stays open for another length. What decides
  // this must not be the quantity itself.
  bool unfinished = false;
};

// Closes the window that is open: `wall` is its length. The next window opens at once, unless this
// one is unfinished.
using CloseWindow = std::function<Result<Window>(Seconds wall)>;
// Told after every window.
using Progress = std::function<void(int windows)>;

struct WindowedChecks {
  std::vector<results::Check> checks;  // one for each quantity, in order
  std::vector<std::string> notes;      // discarded windows and why
};

// Takes windows on `clock`. `open` is called once, right before the first. An Error from `open` or
// `close` ends the measurement with that error. Fewer usable windows than the first look needs
// leave every check unclear; half the budget is enough to see that fewer than half of those come.
Result<WindowedChecks> TakeWindows(const Clock& clock, const WindowPlan& plan,
                                   const std::vector<Quantity>& quantities,
                                   const std::function<Status()>& open, const CloseWindow& close,
                                   const Progress& progress);

}  // namespace nodeproof::measure
