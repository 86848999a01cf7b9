#include "reports/html_benchmarks.h"

#include <algorithm>
#include <map>
#include <set>

#include "harness/base/file.h"
#include "reports/compare/benchmark_rows.h"
#include "reports/html_numa.h"
#include "reports/quantity.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;

constexpr std::string_view kCell = "interference.isolation.";

const Check* FindCheck(const Claim& row, std::string_view name) {
  if (!row.protected_arm) return nullptr;
  const auto at = std::ranges::find(row.protected_arm->checks, name, &Check::name);
  return at == row.protected_arm->checks.end() ? nullptr : &*at;
}

// The matrix's victims and aggressors in the order of the rows, and the row of each cell.
struct Matrix {
  std::vector<std::string> victims;
  std::vector<std::string> aggressors;
  std::map<std::pair<std::string, std::string>, const Claim*> cells;
};

Matrix MatrixOf(const std::vector<Claim>& rows) {
  Matrix matrix;
  std::set<std::string_view> victims;
  std::set<std::string_view> aggressors;
  for (const Claim& row : rows) {
    if (!row.id.starts_with(kCell)) continue;
    const auto words = Split(std::string_view(row.id).substr(kCell.size()), '.');
    if (words.size() != 2) continue;
    if (victims.insert(words[0]).second) matrix.victims.emplace_back(words[0]);
    if (aggressors.insert(words[1]).second) matrix.aggressors.emplace_back(words[1]);
    matrix.cells[{std::string(words[0]), std::string(words[1])}] = &row;
  }
  return matrix;
}

// Red at 0, green at 1, through the hues between; the figure stands in the cell, so that the colour
// is never alone in saying it.
void AddHeat(const Check* check, HtmlWriter& page) {
  if (check == nullptr) {
    page.Element("td", {{"class", "num zero"}}, "–");
    return;
  }
  const double share = std::clamp(check->measured.estimate, 0.0, 1.0);
  const std::string style = fmt::format("--heat:{:.0f}", 120 * share);
  page.Element("td", {{"class", "num heat"}, {"style", style}},
               fmt::format("{:.2f}", check->measured.estimate));
}

void AddMatrix(const Matrix& matrix, const char* quantity, const char* title, HtmlWriter& page) {
  page.Element("h3", {}, title);
  page.Open("table", {{"class", "matrix"}});
  page.Open("tr");
  page.Element("th", {}, "victim \\ aggressor");
  for (const std::string& aggressor : matrix.aggressors) page.Element("th", {}, aggressor);
  page.Close();
  for (const std::string& victim : matrix.victims) {
    page.Open("tr");
    page.Element("th", {{"scope", "row"}}, victim);
    for (const std::string& aggressor : matrix.aggressors) {
      const auto at = matrix.cells.find({victim, aggressor});
      AddHeat(at == matrix.cells.end() ? nullptr : FindCheck(*at->second, quantity), page);
    }
    page.Close();
  }
  page.Close();
}

// Four digits: what repeats of a benchmark agree on is rarely more.
std::string FiguresOf(const Claim& row) {
  std::string text;
  for (const Check& check : row.protected_arm->checks) {
    const Scale scale = ScaleOf(check);
    text += fmt::format("{}{} {:.4g}{}{}", text.empty() ? "" : ", ", check.name,
                        check.measured.estimate / scale.divisor, scale.unit.empty() ? "" : " ",
                        scale.unit);
  }
  return text;
}

void AddRow(const Claim& row, HtmlWriter& page) {
  page.Open("tr");
  page.Open("th", {{"scope", "row"}, {"class", "id"}});
  page.Name(row.id);
  page.Close();
  if (row.protected_arm) {
    page.Element("td", {{"class", "num"}}, FiguresOf(row));
  } else {
    page.Open("td", {{"class", ToString(row.verdict)}});
    page.Element("span", {{"class", "chip"}}, ToString(row.verdict));
    page.Text(row.reason);
    page.Close();
  }
  page.Close();
}

}  // namespace

void AddBenchmarks(const Json& rows, HtmlWriter& page) {
  const std::vector<Claim> benchmarks = BenchmarksAsClaims(rows);
  if (benchmarks.empty()) return;
  page.Open("section", {{"id", "benchmarks"}});
  page.Element("h2", {}, "Benchmarks");
  const Matrix matrix = MatrixOf(benchmarks);
  if (IsMatrix(matrix.victims.size(), matrix.aggressors.size(), matrix.cells.size())) {
    AddMatrix(matrix, "mean", "What is left of a victim's rate, protected", page);
    AddMatrix(matrix, "unprotected mean", "What is left of it, unprotected", page);
  }
  AddNumaPictures(benchmarks, page);
  page.Open("table", {{"class", "changes"}});
  for (const Claim& row : benchmarks) AddRow(row, page);
  page.Close();
  page.Close();
}

}  // namespace nodeproof::reports
