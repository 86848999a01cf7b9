// JUnit XML, as CI systems read it (the Jenkins xUnit plugin's junit-10.xsd is the common ground):
// one testsuite an area, one testcase a claim.
//
//   holds         passed
//   violated      <failure type="violated">, but <skipped> when it is a known violation, as pytest
//                 writes an expected failure: it does not count against the exit status either
//   inconclusive  <failure type="inconclusive">
//   unsupported   <skipped>
//   error         <error>
#include <pugixml.hpp>
#include <sstream>
#include <string>

#include "reports/arm_text.h"
#include "reports/facts.h"
#include "reports/printable.h"
#include "reports/reports.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Verdict;

std::string Seconds3(double seconds) { return fmt::format("{:.3f}", seconds); }

void Set(pugi::xml_node node, const char* name, const std::string& value) {
  node.append_attribute(name).set_value(value.c_str());
}

// Counts as xUnit defines them, for one suite or for all.
void SetCounts(pugi::xml_node node, const Totals& totals, double seconds) {
  Set(node, "tests", std::to_string(totals.Claims()));
  Set(node, "failures", std::to_string(totals.violated - totals.known + totals.inconclusive));
  Set(node, "errors", std::to_string(totals.error));
  Set(node, "skipped", std::to_string(totals.unsupported + totals.known));
  Set(node, "time", Seconds3(seconds));
}

void AddOutcome(const Claim& claim, pugi::xml_node testcase) {
  if (claim.verdict == Verdict::kHolds) return;
  const bool known = IsKnownViolation(claim);
  const bool skipped = known || claim.verdict == Verdict::kUnsupported;
  const char* element = skipped                            ? "skipped"
                        : claim.verdict == Verdict::kError ? "error"
                                                           : "failure";
  pugi::xml_node outcome = testcase.append_child(element);
  if (!skipped) Set(outcome, "type", std::string(ToString(claim.verdict)));
  Set(outcome, "message", (known ? "known violation: " : "") + ReasonOf(claim));
}

void AddClaim(const Claim& claim, pugi::xml_node suite) {
  pugi::xml_node testcase = suite.append_child("testcase");
  const std::string id = Printable(claim.id);
  Set(testcase, "classname", "nodeproof." + id.substr(0, id.rfind('.')));
  Set(testcase, "name", NameOf(claim));
  Set(testcase, "time", Seconds3(claim.duration_s));
  AddOutcome(claim, testcase);
  std::string evidence = "\n";
  for (const std::string& line : EvidenceLines(claim)) evidence += line + "\n";
  testcase.append_child("system-out").text().set(evidence.c_str());
}

void AddProperties(const results::Results& results, pugi::xml_node suite) {
  pugi::xml_node properties = suite.append_child("properties");
  const auto add = [&](const std::string& name, const std::string& value) {
    pugi::xml_node property = properties.append_child("property");
    Set(property, "name", name);
    Set(property, "value", value);
  };
  add("run.id", Printable(results.run.id));
  add("run.version", Printable(results.run.version));
  add("run.lane", Printable(results.run.lane));
  add("run.seed", std::to_string(results.run.seed));
  add("run.complete", results.run.complete ? "yes" : "no");
  for (const auto& [name, value] : FlatNodeFacts(results.node)) add(name, value);
}

}  // namespace

std::string RenderJunit(const results::Results& results) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  Set(declaration, "version", "1.0");
  Set(declaration, "encoding", "UTF-8");
  pugi::xml_node suites = document.append_child("testsuites");
  Set(suites, "name", "nodeproof");
  SetCounts(suites, TotalsOf(results.claims), results.run.duration_s);
  for (const auto& [area, claims] : ByArea(results.claims)) {
    Totals totals;
    double seconds = 0;
    for (const Claim* claim : claims) {
      totals.Add(*claim);
      seconds += claim->duration_s;
    }
    pugi::xml_node suite = suites.append_child("testsuite");
    Set(suite, "name", Printable(area));
    SetCounts(suite, totals, seconds);
    Set(suite, "timestamp", Printable(results.run.started));
    AddProperties(results, suite);
    for (const Claim* claim : claims) AddClaim(*claim, suite);
  }
  std::ostringstream out;
  document.save(out, " ", pugi::format_indent, pugi::encoding_utf8);
  return out.str();
}

}  // namespace nodeproof::reports
