#include "reports/html_record.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json.h"
#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

using results::Series;

// Four digits are more than a chart shows.
double Rounded(double value) { return Json::parse(fmt::format("{:.4g}", value)).get<double>(); }

Json Line(const Series& series) {
  Json points = Json::array();
  for (const auto& [time_s, value] : series.points) {
    points.push_back({Rounded(time_s), Rounded(value)});
  }
  // Printable before it is JSON: the page would do it after, and break JSON's own escapes.
  return {{"group", Printable(series.group)}, {"points", std::move(points)}};
}

}  // namespace

void AddCharts(const std::vector<Series>& series, HtmlWriter& page) {
  std::vector<std::vector<const Series*>> charts;  // of one quantity each, as they come
  std::map<std::string_view, size_t> index;
  for (const Series& each : series) {
    const auto [at, fresh] = index.emplace(each.quantity, charts.size());
    if (fresh) charts.emplace_back();
    charts[at->second].push_back(&each);
  }
  for (const std::vector<const Series*>& chart : charts) {
    Json lines = Json::array();
    for (const Series* each : chart) lines.push_back(Line(*each));
    // Numbers that are not finite never get into a Series: DumpJson cannot fail on them.
    const std::string data = DumpJson(lines).value_or("[]");
    page.Open("figure",
              {{"class", "chart"}, {"data-unit", chart.front()->unit}, {"data-series", data}});
    page.Element("figcaption", {}, chart.front()->quantity);
    page.Close();
  }
}

void AddEvidence(const std::vector<results::Evidence>& evidence, HtmlWriter& page) {
  if (evidence.empty()) return;
  page.Open("section", {{"class", "evidence"}});
  page.Element("h4", {}, "Evidence");
  for (const results::Evidence& shown : evidence) {
    page.Open("details");
    page.Element("summary", {}, shown.title);
    page.Open("pre");
    page.Lines(shown.text.empty() ? "nothing" : shown.text);
    page.Close();
    page.Close();
  }
  page.Close();
}

}  // namespace nodeproof::reports
