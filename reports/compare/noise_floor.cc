#include "reports/compare/noise_floor.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/utf8.h"
#include "harness/results/object.h"
#include "reports/compare/compare_rows.h"
#include "reports/facts.h"
#include "reports/markdown_text.h"
#include "reports/printable.h"
#include "reports/quantity.h"

namespace nodeproof::reports {
namespace {

using results::Object;
using results::Results;

class Counter {
 public:
  explicit Counter(Noise& noise) : noise_(noise) {}

  void Add(const Comparison& comparison, bool counts) {
    for (const ClaimChange& claim : comparison.claims) {
      for (const Quantity& quantity : claim.quantities) Add(claim.id, quantity, counts);
    }
  }

 private:
  void Add(const std::string& claim, const Quantity& quantity, bool counts) {
    const auto [at, fresh] =
        index_.emplace(std::pair(claim, quantity.name), noise_.quantities.size());
    if (fresh) {
      noise_.quantities.push_back(
          {.claim = claim, .quantity = quantity.name, .unit = quantity.a.expected.unit});
    }
    QuantityNoise& noise = noise_.quantities[at->second];
    noise.floor = std::max(noise.floor, std::abs(quantity.effect.estimate));
    noise.threshold = std::max(noise.threshold, quantity.threshold);
    if (!counts) return;
    ++noise.pairs;
    if (quantity.change == Change::kWorse) ++noise.false_worse;
    if (quantity.change == Change::kBetter) ++noise.false_better;
  }

  Noise& noise_;
  std::map<std::pair<std::string, std::string>, size_t> index_;
};

std::vector<std::string> UnsteadyClaims(const std::vector<Results>& boots) {
  std::vector<std::string> order;
  std::map<std::string, std::map<results::Verdict, int>> verdicts;
  for (const Results& boot : boots) {
    for (const results::Claim& claim : boot.claims) {
      if (!verdicts.contains(claim.id)) order.push_back(claim.id);
      ++verdicts[claim.id][claim.verdict];
    }
  }
  std::vector<std::string> lines;
  for (const std::string& id : order) {
    if (verdicts[id].size() == 1) continue;
    std::string line = Printable(id) + ":";
    for (const auto& [verdict, count] : verdicts[id]) {
      line += fmt::format(" {} {}x", ToString(verdict), count);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string AmountOf(double value, const std::string& unit) {
  results::Check check;
  check.expected = {value, results::Relation::kWithin, value / 100, unit};
  check.measured = {value, value, value, {}};
  const Scale scale = ScaleOf(check);
  return Figure(value, scale) + (scale.unit.empty() ? "" : " " + scale.unit);
}

// Cells of one line: claim, quantity, false positives, floor, threshold.
std::vector<std::string> CellsOf(const QuantityNoise& noise) {
  return {Printable(noise.claim), Printable(noise.quantity),
          fmt::format("{} of {}", noise.false_worse + noise.false_better, noise.pairs),
          AmountOf(noise.floor, noise.unit), AmountOf(noise.threshold, noise.unit)};
}

std::string Summary(const Noise& noise) {
  int worse = 0;
  int better = 0;
  int pairs = 0;
  for (const QuantityNoise& each : noise.quantities) {
    worse += each.false_worse;
    better += each.false_better;
    pairs = std::max(pairs, each.pairs);
  }
  return fmt::format(
      "{} boots of one kernel, {} repetition{}: {} false regression{} and {} false improvement{} "
      "in "
      "{} quantities; {} claim{} with unsteady verdicts",
      noise.boots, pairs, pairs == 1 ? "" : "s", worse, worse == 1 ? "" : "s", better,
      better == 1 ? "" : "s", noise.quantities.size(), noise.unsteady.size(),
      noise.unsteady.size() == 1 ? "" : "s");
}

}  // namespace

int Noise::FalseRegressions() const {
  int sum = 0;
  for (const QuantityNoise& each : quantities) sum += each.false_worse;
  return sum;
}

std::string ShapeOf(const Results& results) {
  if (!results.node.is_object()) return "";
  const Json shapes = results.node.value("shapes", Json());
  if (shapes.is_object() && shapes.size() > 1) return "each claim's own";
  const Json vm = results.node.value("vm", Json());
  if (!vm.is_object() || !vm.contains("shape")) return "";
  const Json& shape = vm.at("shape");
  if (shape.is_string()) return Printable(shape.get_ref<const std::string&>());
  return Printable(DumpJson(shape).value_or(""));
}

Result<Noise> MeasureNoise(const std::vector<Results>& boots, const CompareOptions& options) {
  if (boots.size() < 2) return Fail("an A/A run needs two boots, there are {}", boots.size());
  Noise noise;
  noise.node = FactsOf(boots.front(), "node", "");
  noise.shape = ShapeOf(boots.front());
  noise.boots = static_cast<int>(boots.size());
  noise.unsteady = UnsteadyClaims(boots);
  Counter counter(noise);
  for (size_t i = 0; i < boots.size(); ++i) {
    for (size_t j = i + 1; j < boots.size(); ++j) {
      counter.Add(Compare(boots[i], boots[j], options), i % 2 == 0 && j == i + 1);
    }
  }
  return noise;
}

std::string RenderNoiseText(const Noise& noise) {
  std::vector<std::vector<std::string>> table = {
      {"CLAIM", "QUANTITY", "FALSE POSITIVES", "NOISE FLOOR", "THRESHOLD"}};
  for (const QuantityNoise& each : noise.quantities) table.push_back(CellsOf(each));
  std::vector<size_t> widths(table.front().size());
  for (const auto& cells : table) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], Columns(cells[i]));
  }
  std::string out = SideLine(noise.node) + "\n\n";
  for (const auto& cells : table) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += cells[i] + std::string(widths[i] - Columns(cells[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  out += "\n";
  for (const std::string& line : noise.unsteady) out += "unsteady: " + line + "\n";
  return out + Summary(noise) + "\n";
}

std::string RenderNoiseMarkdown(const Noise& noise) {
  std::string out = "### nodeproof: the kernel against itself\n\n";
  out += MarkdownEscaped(SideLine(noise.node)) + "\n\n" + MarkdownEscaped(Summary(noise)) + ".\n\n";
  std::vector<std::string> unsteady;
  for (const std::string& line : noise.unsteady) {
    unsteady.push_back("- " + MarkdownEscaped(line) + "\n");
  }
  AppendWithinBudget(unsteady, "the JSON report", out, kMarkdownBudget / 4);
  out +=
      "\n| claim | quantity | false positives | noise floor | threshold |\n|---|---|---|---|---|\n";
  std::vector<std::string> rows;
  for (const QuantityNoise& each : noise.quantities) {
    std::string& row = rows.emplace_back("|");
    for (const std::string& cell : CellsOf(each)) row += " " + MarkdownEscaped(cell) + " |";
    row += "\n";
  }
  AppendWithinBudget(rows, "the JSON report", out);
  return out;
}

Result<std::string> RenderNoiseJson(const Noise& noise) {
  Json list = Json::array();
  for (const QuantityNoise& each : noise.quantities) {
    list.push_back({{"claim", ToValidUtf8(each.claim)},
                    {"quantity", ToValidUtf8(each.quantity)},
                    {"unit", ToValidUtf8(each.unit)},
                    {"pairs", each.pairs},
                    {"false_worse", each.false_worse},
                    {"false_better", each.false_better},
                    {"floor", each.floor}});
  }
  const Json json = {{"schema", kNoiseFloorSchema},   {"kernel", noise.node.kernel},
                     {"lane", noise.node.lane},       {"shape", noise.shape},
                     {"version", noise.node.version}, {"boots", noise.boots},
                     {"unsteady", noise.unsteady},    {"quantities", std::move(list)}};
  std::string text = TRY(DumpJson(json, 1));
  text.push_back('\n');
  return text;
}

Result<NoiseFloor> ParseNoiseFloor(std::string_view text, const std::string& name,
                                   std::string_view lane, std::string_view shape) {
  const auto read = [&](const Object& object) -> Result<NoiseFloor> {
    TRY(object.NoFieldsBut(
        {"schema", "kernel", "lane", "shape", "version", "boots", "unsteady", "quantities"}));
    const std::string of_lane = TRY(object.Text("lane"));
    const std::string of_shape = TRY(object.Text("shape"));
    if (of_lane != lane || of_shape != shape) {
      return std::unexpected(
          Error{fmt::format("measured on lane {}, shape {}, but this is lane {}, shape {}",
                            Quoted(of_lane), Quoted(of_shape), Quoted(lane), Quoted(shape)),
                "measure the floor with `nodeproof gate --aa` on the same node", 0});
    }
    NoiseFloor floor;
    const auto entry = [&](const Json& json, std::string path) -> Result<int> {
      const Object each = TRY(Object::At(json, std::move(path)));
      TRY(each.NoFieldsBut(
          {"claim", "quantity", "unit", "pairs", "false_worse", "false_better", "floor"}));
      floor[{TRY(each.Text("claim")), TRY(each.Text("quantity"))}] = TRY(each.NonNegative("floor"));
      return 0;
    };
    TRY(object.Each<int>("quantities", entry));
    return floor;
  };
  return results::ReadDocument(text, name, kNoiseFloorSchema, read);
}

}  // namespace nodeproof::reports
