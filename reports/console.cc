// The summary that a terminal shows at the end of a run.
#include <algorithm>
#include <string>
#include <vector>

#include "harness/base/units.h"
#include "reports/facts.h"
#include "reports/printable.h"
#include "reports/quantity.h"
#include "reports/reports.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;
using results::Verdict;

struct Row {
  const Claim* claim;
  std::vector<std::string> cells;
};

// SGR parameters of each verdict; the word itself stands beside it, colour only helps the eye.
const char* ColourOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "32";
    case Verdict::kViolated:
      return "1;31";
    case Verdict::kInconclusive:
      return "33";
    case Verdict::kUnsupported:
      return "36";
    case Verdict::kError:
      return "1;35";
  }
  return "0";
}

std::string Painted(std::string_view text, const char* sgr, Colour colour) {
  if (colour == Colour::kNo) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", sgr, text);
}

Row RowOf(const Claim& claim) {
  const Check* check = DecidingCheck(claim.protected_arm);
  const Check* control = DecidingCheck(claim.control_arm);
  Row row{&claim, {std::string(ToString(claim.verdict)), NameOf(claim), "", "", ""}};
  if (check != nullptr) {
    const Scale scale = ScaleOf(*check, control);
    row.cells[2] = MeasuredText(*check, scale);
    row.cells[3] = ExpectedText(check->expected, scale);
    if (control != nullptr) row.cells[4] = MeasuredText(*control, ScaleOf(*control, check));
  }
  if (!claim.no_control_reason.empty()) row.cells[4] = "none";
  return row;
}

std::string Padded(std::string_view text, size_t width) {
  const size_t columns = Columns(text);
  return std::string(text) + std::string(width > columns ? width - columns : 0, ' ');
}

// Cells padded to their columns, the last one not.
std::string Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    line += i + 1 < cells.size() ? Padded(cells[i], widths[i]) + "  " : cells[i];
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

void AddRow(const Row& row, const std::vector<size_t>& widths, Colour colour, std::string& out) {
  const Claim& claim = *row.claim;
  const std::string line = Line(row.cells, widths);
  const size_t verdict = row.cells[0].size();
  out += Painted(line.substr(0, verdict), ColourOf(claim.verdict), colour) + line.substr(verdict);
  out += '\n';
  const std::string indent(widths[0] + 2, ' ');
  const std::string reason = ReasonOf(claim);
  if (claim.verdict != Verdict::kHolds) out += indent + Painted(reason, "2", colour) + "\n";
  if (IsKnownViolation(claim)) {
    out += indent +
           Painted(fmt::format("known: {} ({})", Printable(claim.known->evidence),
                               Printable(claim.known->reference)),
                   "2", colour) +
           "\n";
  }
}

}  // namespace

std::string RenderConsole(const results::Results& results, Colour colour) {
  const std::vector<std::string> header = {"VERDICT", "CLAIM", "MEASURED", "EXPECTED", "CONTROL"};
  std::vector<Row> rows;
  std::vector<size_t> widths;
  for (const std::string& cell : header) widths.push_back(cell.size());
  for (const Claim& claim : results.claims) {
    rows.push_back(RowOf(claim));
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], Columns(rows.back().cells[i]));
    }
  }
  std::string out = NodeLine(results.node) + "\n";
  if (!rows.empty()) out += "\n" + Painted(Line(header, widths), "1", colour) + "\n";
  for (const Row& row : rows) AddRow(row, widths, colour, out);
  out += '\n';
  for (const std::string& caveat : Caveats(results)) {
    out += Painted("note: ", "1", colour) + caveat + "\n";
  }
  out += fmt::format("{} in {}\n", TotalsText(TotalsOf(results.claims)),
                     FormatDuration(Seconds(results.run.duration_s)));
  return out;
}

}  // namespace nodeproof::reports
