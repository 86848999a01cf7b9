#include <algorithm>

#include "harness/base/utf8.h"
#include "reports/arm_text.h"
#include "reports/export/export.h"
#include "reports/facts.h"
#include "reports/printable.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Verdict;

constexpr size_t kMostExcerpt = 16384;

bool IsOrigin(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

const char* StatusOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "PASS";
    case Verdict::kViolated:
      return "FAIL";
    case Verdict::kUnsupported:
      return "SKIP";
    case Verdict::kInconclusive:
    case Verdict::kError:
      return "ERROR";
  }
  return "ERROR";
}

// "2026-11-21T19:55:00Z": a run's start is text that anyone may have written.
bool IsTime(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  return text.size() == kForm.size() && std::ranges::equal(text, kForm, [](char c, char form) {
           return form == '0' ? c >= '0' && c <= '9' : c == form;
         });
}

// The evidence, cut at a line's end to what the schema allows.
std::string Excerpt(const Claim& claim) {
  std::string text;
  for (const std::string& line : EvidenceLines(claim)) {
    if (text.size() + line.size() + 1 > kMostExcerpt) break;
    text += line + "\n";
  }
  return text;
}

Json TestOf(const results::Results& results, const Claim& claim, const std::string& origin,
            const std::string& build) {
  Json test = {{"id", fmt::format("{}:{}:{}", origin, Printable(results.run.id), PlainName(claim))},
               {"origin", origin},
               {"build_id", build},
               {"path", "nodeproof." + PlainName(claim)},
               {"status", StatusOf(claim.verdict)},
               {"waived", IsKnownViolation(claim)},
               {"comment", claim.reason.empty() ? Printable(claim.statement) : ReasonOf(claim)},
               {"duration", claim.duration_s},
               {"log_excerpt", Excerpt(claim)},
               {"environment", {{"comment", NodeLine(results.node)}}},
               {"misc",
                {{"verdict", ToString(claim.verdict)},
                 {"lane", Printable(results.run.lane)},
                 {"nodeproof_version", Printable(results.run.version)}}}};
  if (IsTime(results.run.started)) test["start_time"] = results.run.started;
  return test;
}

}  // namespace

std::string PlainName(const Claim& claim) {
  std::string name = claim.id;
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!plain) c = '_';
  }
  return claim.iteration == 1 ? name : fmt::format("{}.iteration-{}", name, claim.iteration);
}

Result<std::string> RenderKcidb(const results::Results& results, const KcidbOptions& options) {
  if (!IsOrigin(options.origin)) {
    return Fail("{} is no KCIDB origin: lower-case letters, digits and _ only",
                Quoted(options.origin));
  }
  std::string build = options.build;
  if (build.empty()) {
    std::string release = "unknown";
    for (const auto& [path, value] : FlatNodeFacts(results.node)) {
      if (path == "node.kernel.release") release = value;
    }
    build = fmt::format("{}:{}", options.origin, release);
  }
  const size_t colon = build.find(':');
  if (colon == std::string::npos || !IsOrigin(build.substr(0, colon)) ||
      Printable(build) != build) {
    return Fail("{} is no KCIDB build id such as origin:6.12-rc1", Quoted(build));
  }
  Json tests = Json::array();
  for (const Claim& claim : results.claims) {
    tests.push_back(TestOf(results, claim, options.origin, build));
  }
  const Json json = {{"version", {{"major", 4}, {"minor", 0}}}, {"tests", std::move(tests)}};
  std::string text = TRY(DumpJson(json, 1));
  text.push_back('\n');
  return text;
}

}  // namespace nodeproof::reports
