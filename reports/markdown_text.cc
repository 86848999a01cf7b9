#include "reports/markdown_text.h"

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
    const bool address = printable.substr(i).starts_with("://");
    if (c == '@' || c == '#' || address) out += "\u200B";
  }
  return out;
}

std::string MarkdownText(std::string_view text) { return MarkdownEscaped(Printable(text)); }

}  // namespace nodeproof::reports
