#include "reports/markdown_text.h"

#include <fmt/format.h>

#include "reports/printable.h"

namespace nodeproof::reports {

std::string MarkdownEscaped(std::string_view printable) {
  constexpr std::string_view kSpecial = "\\`*_{}[]()<>#+!|~&$";
  std::string out;
  for (size_t i = 0; i < printable.size(); ++i) {
    const char c = printable[i];
    if (c == '<' || c == '>' || c == '&') {
      out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;";
      continue;
    }
    if (kSpecial.contains(c)) out += '\\';
    out += c;
    // GitHub links what begins with "www." and has no scheme, too.
    const bool address =
        printable.substr(i).starts_with("://") || printable.substr(0, i + 1).ends_with("www");
    if (c == '@' || c == '#' || address) out += "\u200B";
  }
  return out;
}

std::string MarkdownText(std::string_view text) { return MarkdownEscaped(Printable(text)); }

void AppendWithinBudget(const std::vector<std::string>& lines, std::string_view elsewhere,
                        std::string& out, size_t budget) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (out.size() + lines[i].size() > budget) {
      out += fmt::format("\n{} more are in {}.\n", lines.size() - i, elsewhere);
      return;
    }
    out += lines[i];
  }
}

}  // namespace nodeproof::reports
