// Boot after boot of two kernels: when is enough enough? Pure rules for `nodeproof gate`.
#pragma once

#include <string>
#include <vector>

#include "reports/compare/compare.h"

namespace nodeproof::reports {

// Several boots as one run: each boot's claims are one more repetition. Needs one boot.
results::Results MergeBoots(const std::vector<results::Results>& boots);

// The claims on which more boots could still change what is said: a quantity that is suspect, or
// worse by the windows of fewer than three boots of each kernel (boots differ more than the windows
// of one do); a verdict that is open, mixed, or new in a single boot. Where boots
// repeat exactly another one gives the same again, so nothing is unsettled there.
std::vector<std::string> Unsettled(const Comparison& comparison, bool repeats_exactly);

// What is still unsettled when the time is up counts as noisy and suspect, never as worse, with a
// note that says so.
void DoubtUnsettled(Comparison& comparison, bool repeats_exactly);

}  // namespace nodeproof::reports
