// A run for other systems: KernelCI's database, LAVA, the node-problem-detector, Sonobuoy. Pure
// functions on the typed result model, one small file each.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/results/results.h"

namespace nodeproof::reports {

// Whose data it is, for KCIDB.
struct KcidbOptions {
  std::string origin = "nodeproof";  // the submitting CI system: [a-z0-9_]+
  std::string build;  // "origin:…", the tested build; "": origin and kernel release
};

// KCIDB I/O schema 4.0 (kernelci/kcidb-io): one test a claim, no checkouts and builds.
//
//   holds PASS, violated FAIL (waived when known), inconclusive and error ERROR, unsupported SKIP
//
// Errors: an origin or build id that the schema refuses.
Result<std::string> RenderKcidb(const results::Results& results, const KcidbOptions& options = {});

// LAVA signals as lava-test-case prints them, one test set an area, one test case a claim with the
// deciding check's estimate as its measurement.
//
//   holds pass, violated fail (skip when known), unsupported skip, inconclusive and error unknown
std::string RenderLava(const results::Results& results);

// For the node-problem-detector's custom plugin monitor: one line and its exit codes.
struct NpdAnswer {
  std::string line;     // at most 80 bytes of printable ASCII, no newline
  int exit_status = 0;  // 0 no problem, 1 the promise is broken, 2 unknown
};
inline constexpr size_t kNpdLine = 80;
// The worst of a claim's repetitions. Unknown: inconclusive, error, unsupported, not in the
// results.
NpdAnswer NpdAnswerFor(const results::Results& results, std::string_view claim);

// What a Sonobuoy plugin with `result-format: junit` leaves in its results folder: junit.xml,
// results.json and, last because the worker waits for it, `done` with the path to submit. Makes the
// folder.
Status WriteSonobuoy(const std::filesystem::path& directory, const results::Results& results);

// A claim's name where only [A-Za-z0-9._-] may stand; a later repetition ends in ".iteration-2".
std::string PlainName(const results::Claim& claim);

}  // namespace nodeproof::reports
