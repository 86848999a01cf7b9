#include "reports/html_numa.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "harness/base/file.h"
#include "reports/quantity.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;

// "81.2 ns": what repeats of a benchmark agree on is rarely more than three digits.
std::string FigureOf(const Check& check) {
  const Scale scale = ScaleOf(check);
  return fmt::format("{:.3g}{}{}", check.measured.estimate / scale.divisor,
                     scale.unit.empty() ? "" : " ", scale.unit);
}

const Claim* FindRow(const std::vector<Claim>& rows, std::string_view id) {
  const auto at = std::ranges::find_if(
      rows, [id](const Claim& row) { return row.id == id && row.protected_arm.has_value(); });
  return at == rows.end() ? nullptr : &*at;
}

using NodePair = std::pair<int64_t, int64_t>;

// The nodes of "node 0 to 1".
std::optional<NodePair> NodesOf(std::string_view name) {
  const auto words = Words(name);
  if (words.size() != 4 || words[0] != "node" || words[2] != "to") return std::nullopt;
  const auto from = ParseInt(words[1]);
  const auto to = ParseInt(words[3]);
  if (!from || !to) return std::nullopt;
  return NodePair(*from, *to);
}

// How good a cell is beside the best one, 0 to 1.
double ShareOfBest(double value, double best, bool higher_is_better) {
  const double share = higher_is_better ? value / best : best / value;
  return share > 0 ? std::min(share, 1.0) : 0;
}

void AddNodeMatrix(const Claim& row, const char* title, HtmlWriter& page) {
  std::map<NodePair, const Check*> cells;
  std::set<int64_t> from;
  std::set<int64_t> to;
  for (const Check& check : row.protected_arm->checks) {
    const auto nodes = NodesOf(check.name);
    if (!nodes) continue;
    cells.emplace(*nodes, &check);
    from.insert(nodes->first);
    to.insert(nodes->second);
  }
  if (!IsMatrix(from.size(), to.size(), cells.size())) return;
  const bool higher = cells.begin()->second->expected.relation == results::Relation::kAtLeast;
  double best = cells.begin()->second->measured.estimate;
  for (const auto& [nodes, check] : cells) {
    const double value = check->measured.estimate;
    best = higher ? std::max(best, value) : std::min(best, value);
  }
  page.Element("h3", {}, title);
  page.Open("table", {{"class", "matrix"}});
  page.Open("tr");
  page.Element("th", {}, "CPU of \\ memory of");
  for (const int64_t node : to) page.Element("th", {}, fmt::format("node {}", node));
  page.Close();
  for (const int64_t cpu_node : from) {
    page.Open("tr");
    page.Element("th", {{"scope", "row"}}, fmt::format("node {}", cpu_node));
    for (const int64_t node : to) {
      const auto at = cells.find({cpu_node, node});
      if (at == cells.end()) {
        page.Element("td", {{"class", "num zero"}}, "–");
        continue;
      }
      const double share = ShareOfBest(at->second->measured.estimate, best, higher);
      page.Element("td",
                   {{"class", "num heat"}, {"style", fmt::format("--heat:{:.0f}", 120 * share)}},
                   FigureOf(*at->second));
    }
    page.Close();
  }
  page.Close();
}

struct LoadedPoint {
  const Check* latency = nullptr;
  const Check* bandwidth = nullptr;
};

// By the delay in microseconds, the longest, which loads the least, first.
using Curve = std::map<int64_t, LoadedPoint, std::greater<>>;

// Of the quantities "delay 30 us: latency" and "delay 30 us: bandwidth".
Curve CurveOf(const Claim& row) {
  Curve curve;
  for (const Check& check : row.protected_arm->checks) {
    const auto words = Words(check.name);
    if (words.size() != 4 || words[0] != "delay" || words[2] != "us:") continue;
    const auto delay = ParseInt(words[1]);
    if (!delay) continue;
    if (words[3] == "latency") curve[*delay].latency = &check;
    if (words[3] == "bandwidth") curve[*delay].bandwidth = &check;
  }
  std::erase_if(curve, [](const auto& entry) {
    return entry.second.latency == nullptr || entry.second.bandwidth == nullptr;
  });
  return curve;
}

// Latency upwards, bandwidth to the right, both from 0.
void DrawCurve(const Curve& curve, HtmlWriter& page) {
  constexpr double kLeft = 60;
  constexpr double kRight = 500;
  constexpr double kTop = 14;
  constexpr double kBottom = 190;
  const Check* slowest = curve.begin()->second.latency;
  const Check* widest = curve.begin()->second.bandwidth;
  for (const auto& [delay, point] : curve) {
    if (point.latency->measured.estimate > slowest->measured.estimate) slowest = point.latency;
    if (point.bandwidth->measured.estimate > widest->measured.estimate) widest = point.bandwidth;
  }
  if (!(slowest->measured.estimate > 0) || !(widest->measured.estimate > 0)) return;
  const auto part = [](const Check& check, const Check& most) {
    return std::clamp(check.measured.estimate / most.measured.estimate, 0.0, 1.0);
  };
  const auto px = [](double value) { return fmt::format("{:.1f}", value); };
  page.Open("svg", {{"class", "band"},
                    {"viewBox", "0 0 520 220"},
                    {"role", "img"},
                    {"aria-label", "latency over bandwidth"}});
  const auto line = [&](double x1, double y1, double x2, double y2) {
    page.Empty("line",
               {{"class", "axis"}, {"x1", px(x1)}, {"y1", px(y1)}, {"x2", px(x2)}, {"y2", px(y2)}});
  };
  line(kLeft, kTop, kLeft, kBottom);
  line(kLeft, kBottom, kRight, kBottom);
  std::string path;
  for (const auto& [delay, point] : curve) {
    const double x = kLeft + part(*point.bandwidth, *widest) * (kRight - kLeft);
    const double y = kBottom - part(*point.latency, *slowest) * (kBottom - kTop);
    path += fmt::format("{}{} {}", path.empty() ? "M" : "L", px(x), px(y));
    page.Empty("circle", {{"class", "estimate"}, {"cx", px(x)}, {"cy", px(y)}, {"r", "3.5"}});
  }
  page.Empty("path", {{"class", "interval"}, {"fill", "none"}, {"d", path}});
  const auto label = [&](double x, double y, const std::string& text) {
    page.Element("text", {{"x", px(x)}, {"y", px(y)}, {"text-anchor", "end"}}, text);
  };
  label(kLeft - 4, kTop + 4, FigureOf(*slowest));
  label(kLeft - 4, kBottom, "0");
  label(kRight, kBottom + 16, FigureOf(*widest));
  page.Close();
}

void AddLoadedLatency(const Claim& row, HtmlWriter& page) {
  const Curve curve = CurveOf(row);
  if (curve.empty()) return;
  page.Element("h3", {}, "Latency of memory, by how much of it the other CPUs read");
  DrawCurve(curve, page);
  page.Open("table", {{"class", "matrix"}});
  page.Open("tr");
  for (const char* head : {"delay between blocks", "latency", "bandwidth"}) {
    page.Element("th", {}, head);
  }
  page.Close();
  for (const auto& [delay, point] : curve) {
    page.Open("tr");
    page.Element("th", {{"scope", "row"}}, fmt::format("{} us", delay));
    page.Element("td", {{"class", "num"}}, FigureOf(*point.latency));
    page.Element("td", {{"class", "num"}}, FigureOf(*point.bandwidth));
    page.Close();
  }
  page.Close();
}

}  // namespace

bool IsMatrix(size_t rows, size_t columns, size_t cells) {
  return cells > 0 && rows * columns <= 16 * cells;
}

void AddNumaPictures(const std::vector<Claim>& rows, HtmlWriter& page) {
  if (const Claim* row = FindRow(rows, "numa.latency.matrix")) {
    AddNodeMatrix(*row, "Latency of each node's memory", page);
  }
  if (const Claim* row = FindRow(rows, "numa.bandwidth.matrix")) {
    AddNodeMatrix(*row, "Bandwidth of each node's memory", page);
  }
  if (const Claim* row = FindRow(rows, "numa.loaded-latency.curve")) AddLoadedLatency(*row, page);
}

}  // namespace nodeproof::reports
