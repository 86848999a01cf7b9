// report.html: one file that opens offline and reads without scripts. Verdicts by area first, then
// what needs attention, the node, and every claim as a row that opens to its evidence.
#include <string>

#include "harness/base/units.h"
#include "reports/facts.h"
#include "reports/html_benchmarks.h"
#include "reports/html_claim.h"
#include "reports/html_page.h"
#include "reports/html_writer.h"
#include "reports/reports.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Results;
using results::Verdict;

constexpr Verdict kOrder[] = {Verdict::kViolated, Verdict::kError, Verdict::kInconclusive,
                              Verdict::kUnsupported, Verdict::kHolds};

// The run's verdict in one sentence, by the rule of its exit status.
std::string Headline(const Results& results) {
  const Totals totals = TotalsOf(results.claims);
  if (totals.Claims() == 0) {
    return results.benchmarks.empty() ? "No claim was run" : "Benchmarks, no claims";
  }
  switch (ExitStatus(results, /*strict=*/false)) {
    case 1:
      return "This node breaks a promise";
    case 3:
      return "Nothing is violated, but not everything was decided";
    default:
      if (totals.known > 0) return "Only known violations";
      return totals.holds > 0 ? "Every claim that could run holds" : "No claim could run here";
  }
}

const char* HeadlineTone(const Results& results) {
  switch (ExitStatus(results, /*strict=*/false)) {
    case 1:
      return "violated";
    case 3:
      return "inconclusive";
    default:
      return TotalsOf(results.claims).holds > 0 ? "holds" : "unsupported";
  }
}

void AddHeader(const Results& results, HtmlWriter& page) {
  page.Open("header", {{"class", HeadlineTone(results)}});
  page.Element("p", {{"class", "brand"}}, "nodeproof");
  page.Element("h1", {}, Headline(results));
  page.Element("p", {{"class", "lead"}},
               TotalsText(TotalsOf(results.claims)) + " in " +
                   FormatDuration(Seconds(results.run.duration_s)));
  page.Open("p", {{"class", "lead"}});
  page.Element("a", {{"href", "#node"}}, NodeLine(results.node));
  page.Close();
  page.Close();
  for (const std::string& caveat : Caveats(results)) {
    page.Element("p", {{"class", "note"}}, caveat);
  }
}

// A bar whose parts are the verdicts' shares.
void AddBar(const Totals& totals, HtmlWriter& page) {
  page.Open("div", {{"class", "bar"}});
  for (const Verdict verdict : kOrder) {
    const int count = totals.Of(verdict);
    if (count == 0) continue;
    page.Element("span",
                 {{"class", ToString(verdict)}, {"style", fmt::format("flex-grow:{}", count)}}, "");
  }
  page.Close();
}

void AddAreaRow(const std::string& area, const Totals& totals, bool link, HtmlWriter& page) {
  page.Open("tr");
  page.Open("th", {{"scope", "row"}});
  if (link) {
    page.Element("a", {{"href", "#area-" + area}}, area);
  } else {
    page.Text(area);
  }
  page.Close();
  for (const Verdict verdict : kOrder) {
    const int count = totals.Of(verdict);
    const std::string style = count == 0 ? "num zero" : "num " + std::string(ToString(verdict));
    page.Element("td", {{"class", style}}, std::to_string(count));
  }
  page.Open("td", {{"class", "share"}});
  AddBar(totals, page);
  page.Close();
  page.Close();
}

void AddAreas(const Areas& areas, const Totals& all, HtmlWriter& page) {
  page.Open("section");
  page.Element("h2", {}, "Verdicts by area");
  page.Open("table", {{"class", "areas"}});
  page.Open("tr");
  page.Element("th", {}, "area");
  for (const Verdict verdict : kOrder) page.Element("th", {{"class", "num"}}, ToString(verdict));
  page.Element("th", {}, "");
  page.Close();
  for (const auto& [area, claims] : areas) {
    Totals totals;
    for (const Claim* claim : claims) totals.Add(*claim);
    AddAreaRow(area, totals, true, page);
  }
  if (areas.size() > 1) AddAreaRow("all", all, false, page);
  page.Close();
  page.Close();
}

void AddAttention(const Results& results, HtmlWriter& page) {
  bool any = false;
  for (const Verdict verdict : kOrder) {
    if (verdict == Verdict::kHolds) continue;
    for (const Claim& claim : results.claims) {
      if (claim.verdict != verdict) continue;
      if (!any) {
        page.Open("section");
        page.Element("h2", {}, "What does not hold");
        page.Open("ul", {{"class", "attention"}});
      }
      any = true;
      page.Open("li");
      page.Open("span");
      AddVerdictChip(claim, page);
      page.Close();
      page.Open("a", {{"class", "id"}, {"href", "#" + AnchorOf(claim)}});
      page.Name(NameOf(claim));
      page.Close();
      page.Element("span", {}, ReasonOf(claim));
      page.Close();
    }
  }
  if (!any) return;
  page.Close();
  page.Close();
}

void AddFacts(const FactGroup& group, HtmlWriter& page) {
  page.Open("div", {{"class", "facts"}});
  page.Element("h3", {}, group.title);
  page.Open("dl");
  for (const auto& [label, value] : group.facts) {
    page.Element("dt", {}, label);
    page.Element("dd", {}, value);
  }
  page.Close();
  page.Close();
}

FactGroup RunFacts(const results::Run& run) {
  std::string command;
  for (const std::string& word : run.argv) command += (command.empty() ? "" : " ") + word;
  return {"Run",
          {{"id", run.id},
           {"started", run.started},
           {"command", command},
           {"version", run.version},
           {"lane", run.lane},
           {"seed", std::to_string(run.seed)},
           {"repeat", std::to_string(run.repeat)},
           {"complete", run.complete ? "yes" : "no"}}};
}

void AddNode(const Results& results, HtmlWriter& page) {
  page.Open("section", {{"id", "node"}});
  page.Element("h2", {}, "Node and run");
  page.Open("div", {{"class", "groups"}});
  AddFacts(RunFacts(results.run), page);
  std::vector<FactGroup> folded;
  for (FactGroup& group : NodeFacts(results.node)) {
    if (group.facts.size() > 12) {
      folded.push_back(std::move(group));
    } else {
      AddFacts(group, page);
    }
  }
  page.Close();
  for (const FactGroup& group : folded) {
    page.Open("details", {{"class", "folded"}});
    page.Element("summary", {}, fmt::format("{} ({})", group.title, group.facts.size()));
    AddFacts(group, page);
    page.Close();
  }
  page.Close();
}

void AddClaims(const Areas& areas, HtmlWriter& page) {
  for (const auto& [area, claims] : areas) {
    page.Open("section", {{"class", "area"}, {"id", "area-" + area}});
    page.Element("h2", {}, area);
    page.Open("div", {{"class", "heads"}, {"aria-hidden", "true"}});
    for (const char* head : {"verdict", "claim", "measured", "expected", "control", "time"}) {
      page.Element("span", {}, head);
    }
    page.Close();
    for (const Claim* claim : claims) AddClaim(*claim, page);
    page.Close();
  }
}

void AddLegend(HtmlWriter& page) {
  page.Element(
      "p", {{"class", "legend"}},
      "In each picture the shaded band is what was expected, its line the value itself; the bar "
      "with a dot is the measured interval and estimate; the small dots are the samples, "
      "first on top. In the control arm, where the protection is taken away, the check must "
      "fail.");
}

}  // namespace

std::string RenderHtml(const Results& results) {
  const Areas areas = ByArea(results.claims);
  HtmlWriter page;
  OpenPage("nodeproof: " + TotalsText(TotalsOf(results.claims)), Scripted::kYes, page);
  AddHeader(results, page);
  page.Open("main");
  if (!areas.empty()) AddAreas(areas, TotalsOf(results.claims), page);
  AddAttention(results, page);
  if (!areas.empty()) AddLegend(page);
  AddClaims(areas, page);
  AddBenchmarks(results.benchmarks, page);
  AddNode(results, page);
  page.Close();
  ClosePage(Scripted::kYes, page);
  return page.Take();
}

}  // namespace nodeproof::reports
