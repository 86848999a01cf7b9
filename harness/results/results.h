// The typed result model: what a run found, as the agent streams it and every report reads it.
// This is the C++ face of results.json (reports/results.schema.json, "nodeproof.results/1").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/result.h"

namespace nodeproof::results {

using nodeproof::Json;

inline constexpr std::string_view kSchema = "nodeproof.results/1";

enum class Verdict { kHolds, kViolated, kInconclusive, kUnsupported, kError };
std::string_view ToString(Verdict verdict);  // "holds", "violated", ...
Result<Verdict> ParseVerdict(std::string_view text);

// How a measured quantity must stand to the expected one.
enum class Relation {
  kWithin,   // |measured - value| <= tolerance
  kAtMost,   // measured <= value + tolerance
  kAtLeast,  // measured >= value - tolerance
};
std::string_view ToString(Relation relation);  // "within", "at_most", "at_least"
Result<Relation> ParseRelation(std::string_view text);

// What one check found: the interval lies inside the expected band, wholly outside, or across.
enum class Finding { kInside, kOutside, kUnclear };
std::string_view ToString(Finding finding);  // "inside", "outside", "unclear"
Result<Finding> ParseFinding(std::string_view text);

struct Expectation {
  double value = 0;
  Relation relation = Relation::kWithin;
  double tolerance = 0;
  std::string unit;  // "ratio", "cpus", "bytes", "count", "usec"
};

// An estimate with its interval. For a counter that is read exactly, low == high == estimate.
struct Measurement {
  double estimate = 0;
  double low = 0;
  double high = 0;
  std::vector<double> samples;  // one per window, in the order taken
};

struct Check {
  std::string name;  // "share of B by usage_usec"
  Expectation expected;
  Measurement measured;
  Finding finding = Finding::kUnclear;
};

// What an aggressor or victim had to do for the arm to mean anything, and what it did.
struct LoadProof {
  std::string name;  // "hog A", "anon hog"
  std::string unit;  // "usec", "bytes", "samples"
  double required = 0;
  double done = 0;
};

// One cgroup of the tree an arm built, with the knobs nodeproof wrote.
struct TreeEntry {
  std::string path;                          // below the capsule, "" is the capsule itself
  std::map<std::string, std::string> knobs;  // file -> value as the kernel read it back
};

// What a group of the tree did while the arm ran, for the report's charts.
struct Series {
  struct Point {
    double time_s = 0;  // since the tree was planted
    double value = 0;
  };
  std::string group;     // its path below the capsule
  std::string quantity;  // "memory.current"
  std::string unit;
  std::vector<Point> points;
};

// What an engineer would look at first, as the kernel showed it when the arm ended.
struct Evidence {
  std::string title;  // "cgroup /kubepods.slice", "kernel log"
  std::string text;
};

// One arm of a claim. Its first check is the deciding one: in JSON its fields stand in the arm
// itself ("expected", "measured", "finding", "quantity"), the others in "checks".
struct Arm {
  std::string description;  // "weights 30 and 70"
  std::vector<Check> checks;
  std::vector<LoadProof> load;
  std::vector<TreeEntry> tree;
  std::vector<Series> series;
  std::vector<std::string> notes;  // "2 windows discarded: the node stood still for 31 ms"
  double duration_s = 0;
};

struct KnownViolation {
  std::string evidence;
  std::string reference;
};

struct Claim {
  std::string id;
  std::string statement;
  std::string source;
  Verdict verdict = Verdict::kError;
  std::string reason;  // one line; empty only for kHolds
  int iteration = 1;   // 1 … --repeat
  std::string shape;   // of the VM that it ran in; "" on a host
  std::optional<Arm> protected_arm;
  std::optional<Arm> control_arm;
  std::string no_control_reason;  // why there is no control arm, when there is none
  std::optional<KnownViolation> known;
  std::vector<Evidence> evidence;  // of a claim that is violated, inconclusive or in error
  double duration_s = 0;
};

struct Run {
  std::string id;
  std::string started;  // RFC 3339, UTC
  double duration_s = 0;
  uint64_t seed = 0;
  std::vector<std::string> argv;
  std::string version;
  std::string lane;  // "realtime" or "deterministic"
  int repeat = 1;
  bool control = true;    // false with --no-control
  bool complete = false;  // false while running, and for ever when the run was cut short
  std::vector<std::string> notes;
};

struct Results {
  Run run;
  Json node = Json::object();  // facts, as the agent found them (schema: "node")
  std::vector<Claim> claims;
  Json benchmarks = Json::array();  // Google Benchmark rows (schema: "benchmarks")
};

// The JSON form. Invalid UTF-8 is replaced by U+FFFD. What ParseClaim or ParseResults would refuse
// (a number that is not finite, an interval upside down, a verdict without its reason) is a mistake
// of the program that found it, and comes back as an Error that names the field.
Result<Json> ToJson(const Claim& claim);
Result<Json> ToJson(const Results& results);

// The text of results.json, indented, with the names of each object sorted.
Result<std::string> Serialize(const Results& results);

// Reads one claim object or a whole results document. Everything is checked (types, ranges, known
// enumerators, finite numbers, unknown fields, size at most 512 MiB, depth at most 64); an Error
// names the field, as in "claims[3].verdict: ...", and for a document the file, given as `name`.
Result<Claim> ParseClaim(const Json& json);
Result<Results> ParseDocument(const Json& json);
Result<Results> ParseResults(std::string_view text, const std::string& name);

// The exit status of section 6 of the design: 1 if any claim is violated (a known violation does
// not count unless `strict`), else 3 if any is inconclusive or in error, else 0.
int ExitStatus(const Results& results, bool strict);

}  // namespace nodeproof::results
