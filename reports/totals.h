// What a run comes to: verdicts counted, in all and by area.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/results/results.h"

namespace nodeproof::reports {

struct Totals {
  int holds = 0;
  int violated = 0;  // with the known ones
  int known = 0;     // violated, and on the list of known violations
  int inconclusive = 0;
  int unsupported = 0;
  int error = 0;

  void Add(const results::Claim& claim);
  int Claims() const { return holds + violated + inconclusive + unsupported + error; }
  int Of(results::Verdict verdict) const;
};

Totals TotalsOf(const std::vector<results::Claim>& claims);

// "8 claims: 6 hold, 2 violated (1 known)"; verdicts that did not occur are left out.
std::string TotalsText(const Totals& totals);

// "cpu" for "cpu.weight.siblings".
std::string_view AreaOf(std::string_view id);

// The claims of each area, areas in order of name, claims in the order they ran.
using Areas = std::vector<std::pair<std::string, std::vector<const results::Claim*>>>;
Areas ByArea(const std::vector<results::Claim>& claims);

// The claim's name in a report that may hold it many times: "cpu.max.ceiling" or, from the second
// iteration of a repeated run on, "cpu.max.ceiling#2". Printable.
std::string NameOf(const results::Claim& claim);

// One line for people: the claim's reason, or why there is nothing to say.
std::string ReasonOf(const results::Claim& claim);

bool IsKnownViolation(const results::Claim& claim);

// The check that decides an arm, or null when it took no measurement.
const results::Check* DecidingCheck(const std::optional<results::Arm>& arm);

// What a reader must know before the verdicts: a run cut short, control arms skipped, a known
// violation that holds, and the run's own notes. Printable lines.
std::vector<std::string> Caveats(const results::Results& results);

}  // namespace nodeproof::reports
