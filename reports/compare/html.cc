// A comparison as one page that opens offline: the sides beside each other, what got worse, and
// each quantity with both intervals on one axis.
#include <algorithm>

#include "reports/compare/compare_rows.h"
#include "reports/compare/render.h"
#include "reports/html_band.h"
#include "reports/html_page.h"
#include "reports/quantity.h"

namespace nodeproof::reports {
namespace {

// The verdicts' colours say the same of changes.
const char* ToneOf(Change change, bool suspect) {
  switch (change) {
    case Change::kWorse:
      return "violated";
    case Change::kBetter:
      return "holds";
    case Change::kNoisy:
      return suspect ? "inconclusive" : "unsupported";
    case Change::kIncomparable:
      return "unsupported";
    case Change::kSame:
      return "";
  }
  return "";
}

const char* ToneOf(const Comparison& comparison) {
  return comparison.Regressed() ? "violated" : comparison.Undecided() ? "inconclusive" : "holds";
}

void AddHeader(const Comparison& comparison, HtmlWriter& page) {
  page.Open("header", {{"class", ToneOf(comparison)}});
  page.Element("p", {{"class", "brand"}}, "nodeproof compare");
  page.Element("h1", {}, HeadlineOf(comparison));
  page.Element("p", {{"class", "lead"}}, CountsText(comparison.claims, "claim"));
  for (const SideFacts* side : {&comparison.a, &comparison.b}) {
    page.Element("p", {{"class", "lead"}}, SideLine(*side));
  }
  page.Close();
  for (const std::string& line : comparison.differences) {
    page.Element("p", {{"class", "note"}}, "Compared by force: " + line);
  }
  for (const std::string& note : comparison.notes) page.Element("p", {{"class", "note"}}, note);
}

void AddWorse(const Comparison& comparison, HtmlWriter& page) {
  const auto lines = RegressionLines(comparison);
  if (lines.empty()) return;
  page.Open("section");
  page.Element("h2", {}, "What got worse");
  page.Open("ul");
  for (const std::string& line : lines) page.Element("li", {}, line);
  page.Close();
  page.Close();
}

void AddPictures(const Quantity& quantity, HtmlWriter& page) {
  const Scale scale = ScaleOf(quantity.a, &quantity.b);
  const Axis axis = AxisOf(quantity.a, &quantity.b);
  page.Open("details");
  page.Element("summary", {}, quantity.name);
  DrawBand(quantity.a, axis, scale, "A: " + MeasuredText(quantity.a.measured, scale), page);
  DrawBand(quantity.b, axis, scale, "B: " + MeasuredText(quantity.b.measured, scale), page);
  page.Element("p", {{"class", "faint"}},
               fmt::format("{} and {} observations, by {}", quantity.observations_a,
                           quantity.observations_b, ToString(quantity.basis)));
  page.Close();
}

void AddRow(const CompareRow& row, HtmlWriter& page) {
  page.Open("tr");
  page.Open("td");
  const char* tone = ToneOf(row.change, row.label.ends_with("suspect"));
  const std::string chip = *tone == 0 ? "" : fmt::format("chip {}", tone);
  page.Element("span", {{"class", chip}}, row.label);
  page.Close();
  page.Open("td", {{"class", "id"}});
  page.Name(row.claim);
  page.Close();
  page.Element("td", {}, row.verdicts);
  page.Open("td", {{"class", "picture"}});
  if (row.figures != nullptr && row.figures->change != Change::kIncomparable) {
    AddPictures(*row.figures, page);
  } else {
    page.Text(row.quantity);
  }
  page.Close();
  for (const std::string* text : {&row.a, &row.b, &row.effect, &row.threshold}) {
    page.Element("td", {{"class", "num"}}, *text);
  }
  page.Close();
}

void AddTable(const char* title, const std::vector<CompareRow>& rows, const Comparison& comparison,
              HtmlWriter& page) {
  if (rows.empty()) return;
  page.Open("section");
  page.Element("h2", {}, title);
  page.Open("table", {{"class", "changes"}});
  page.Open("tr");
  for (const std::string& head :
       {std::string("change"), std::string("claim"), std::string("verdict"),
        std::string("quantity"), comparison.a.name, comparison.b.name, std::string("change, 99 %"),
        std::string("threshold")}) {
    page.Element("th", {}, head);
  }
  page.Close();
  for (const CompareRow& row : rows) AddRow(row, page);
  page.Close();
  page.Close();
}

}  // namespace

std::string RenderCompareHtml(const Comparison& comparison) {
  HtmlWriter page;
  OpenPage("nodeproof: " + HeadlineOf(comparison), Scripted::kNo, page);
  AddHeader(comparison, page);
  page.Open("main");
  AddWorse(comparison, page);
  AddTable("Claims", RowsOf(comparison.claims, Subject::kClaims, Lines::kAll), comparison, page);
  AddTable("Benchmarks", RowsOf(comparison.benchmarks, Subject::kBenchmarks, Lines::kAll),
           comparison, page);
  page.Element(
      "p", {{"class", "legend"}},
      "Better and worse are distances from what was promised. A quantity is worse when the "
      "whole 99 % interval of the change lies above its threshold, and suspect when only "
      "the estimate does. Open a quantity to see both intervals on one axis.");
  page.Close();
  ClosePage(Scripted::kNo, page);
  return page.Take();
}

}  // namespace nodeproof::reports
