// A judgement as text, Markdown and JSON.
#include <algorithm>
#include <array>

#include "harness/base/utf8.h"
#include "reports/judge/judge.h"
#include "reports/markdown_text.h"
#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

std::string Headline(const Judgement& judgement) {
  switch (judgement.ExitStatus()) {
    case 1:
      return fmt::format("the node does not meet the profile {}", judgement.profile);
    case 3:
      return fmt::format("whether the node meets the profile {} is not decided", judgement.profile);
    default:
      return fmt::format("the node meets the profile {}", judgement.profile);
  }
}

std::string Counts(const Judgement& judgement) {
  std::string text;
  for (const Outcome outcome :
       {Outcome::kFail, Outcome::kUnclear, Outcome::kPass, Outcome::kNotMeasured}) {
    const int count = judgement.Count(outcome);
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, ToString(outcome));
  }
  return text;
}

// Lines that failed or are unclear first, each kind in the profile's order.
std::vector<const Judged*> Ordered(const Judgement& judgement) {
  std::vector<const Judged*> lines;
  for (const Outcome outcome :
       {Outcome::kFail, Outcome::kUnclear, Outcome::kPass, Outcome::kNotMeasured}) {
    for (const Judged& line : judgement.lines) {
      if (line.outcome == outcome) lines.push_back(&line);
    }
  }
  return lines;
}

std::array<std::string, 6> CellsOf(const Judged& line) {
  return {
      std::string(ToString(line.outcome)),
      line.rule,
      line.subject,
      line.quantity,
      line.note.empty() ? line.found : line.found + (line.found.empty() ? "" : "; ") + line.note,
      line.demanded};
}

std::string RenderText(const Judgement& judgement) {
  std::vector<std::array<std::string, 6>> table = {
      {"OUTCOME", "RULE", "SUBJECT", "QUANTITY", "FOUND", "DEMANDED"}};
  for (const Judged* line : Ordered(judgement)) table.push_back(CellsOf(*line));
  std::array<size_t, 6> widths{};
  for (const auto& cells : table) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], Columns(cells[i]));
  }
  std::string out = judgement.node + "\n\n";
  for (const auto& cells : table) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      text += cells[i] + std::string(widths[i] - Columns(cells[i]) + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  return out + fmt::format("\n{}: {}\n", Headline(judgement), Counts(judgement));
}

std::string RenderMarkdown(const Judgement& judgement) {
  std::string out = "### nodeproof: " + MarkdownEscaped(Headline(judgement)) + "\n\n";
  out += MarkdownEscaped(judgement.node) + ". " + MarkdownEscaped(Counts(judgement)) + ".\n\n";
  out += "| outcome | rule | subject | quantity | found | demanded |\n|---|---|---|---|---|---|\n";
  std::vector<std::string> rows;
  for (const Judged* line : Ordered(judgement)) {
    std::string& row = rows.emplace_back("|");
    for (const std::string& cell : CellsOf(*line)) row += " " + MarkdownEscaped(cell) + " |";
    row += "\n";
  }
  AppendWithinBudget(rows, "the other formats", out);
  return out;
}

Result<std::string> RenderJson(const Judgement& judgement) {
  Json lines = Json::array();
  for (const Judged& line : judgement.lines) {
    lines.push_back({{"rule", line.rule},
                     {"subject", line.subject},
                     {"quantity", line.quantity},
                     {"found", line.found},
                     {"demanded", line.demanded},
                     {"outcome", ToString(line.outcome)},
                     {"note", line.note},
                     {"why", line.why}});
  }
  const Json json = {{"schema", "nodeproof.judgement/1"},     {"profile", judgement.profile},
                     {"description", judgement.description},  {"node", judgement.node},
                     {"exit_status", judgement.ExitStatus()}, {"lines", std::move(lines)}};
  std::string text = TRY(DumpJson(json, 1));
  text.push_back('\n');
  return text;
}

}  // namespace

Result<JudgeFormat> ParseJudgeFormat(std::string_view text) {
  if (text == "text") return JudgeFormat::kText;
  if (text == "markdown") return JudgeFormat::kMarkdown;
  if (text == "json") return JudgeFormat::kJson;
  return Fail("{} is no format of a judgement (text, markdown, json)", Quoted(text));
}

Result<std::string> Render(JudgeFormat format, const Judgement& judgement) {
  switch (format) {
    case JudgeFormat::kText:
      return RenderText(judgement);
    case JudgeFormat::kMarkdown:
      return RenderMarkdown(judgement);
    case JudgeFormat::kJson:
      return RenderJson(judgement);
  }
  return Fail("no such format of a judgement");
}

}  // namespace nodeproof::reports
