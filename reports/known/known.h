// Promises that stock kernels are known to break. The list is data (known_violations.json): a
// claim, the kernels or the probed facts it is about, evidence and an upstream reference. A
// violation on it keeps its verdict and is marked: shown as known, not counted against the exit
// status unless strict.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/results/results.h"

namespace nodeproof::reports {

inline constexpr std::string_view kKnownSchema = "nodeproof.known/1";

// The leading numbers of a kernel release: {6, 12, 117} of "6.12.117+deb12-cloud-amd64".
using KernelNumbers = std::vector<uint64_t>;
KernelNumbers NumbersOf(std::string_view release);

struct KnownEntry {
  std::string claim;
  std::vector<std::string> checks;  // the only ones that may be outside; empty: any
  KernelNumbers from;               // first release with the defect; empty: from the beginning
  KernelNumbers before;             // first release without it; empty: no end is known
  std::map<std::string, std::string> probe;  // dotted path of a fact of the node -> its text
  results::KnownViolation violation;
};

using KnownList = std::vector<KnownEntry>;

// Reads a list. Strict: an entry needs evidence, a reference, and kernels or a probe.
Result<KnownList> ParseKnown(std::string_view text, const std::string& name);

// The list that nodeproof ships with.
const KnownList& ShippedKnown();

// Marks the claims of `results` that are on the list, violated or not (one that holds is reported
// too), and takes the mark from all others. Claims that are unsupported, inconclusive or in error
// are never marked: nothing is known of them.
void MarkKnown(const KnownList& list, results::Results& results);

// `results` with known violations as plain ones, for strict reports: the mark goes, its evidence
// stands in the reason.
results::Results Strict(results::Results results);

}  // namespace nodeproof::reports
