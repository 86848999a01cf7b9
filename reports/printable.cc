#include "reports/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "harness/base/utf8.h"

namespace nodeproof::reports {
namespace {

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

// Unicode's explicit directional formatting characters (UAX #9, section 2) and line separators: a
// name that holds one could make a report read other than it is.
bool TurnsText(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
         c == 0x200F || c == 0x061C || c == 0x2028 || c == 0x2029;
}

// Not allowed in XML 1.0, nor for interchange at all.
bool IsNonCharacter(char32_t c) { return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF); }

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    // Nearly all text is plain ASCII: whole runs of it at once.
    const auto odd = std::ranges::find_if(text, [](char c) { return c < 0x20 || c >= 0x7F; });
    const auto plain = static_cast<size_t>(odd - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint next = DecodeUtf8(text);
    text.remove_prefix(next.bytes);
    if (next.value == '\n') {
      out += "\\n";
    } else if (next.value == '\t') {
      out += ' ';
    } else if (IsControl(next.value) || TurnsText(next.value) || IsNonCharacter(next.value)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<uint32_t>(next.value));
    } else {
      AppendUtf8(out, next.value);
    }
  }
  return out;
}

std::string PrintableLines(std::string_view text) {
  std::string out;
  for (;;) {
    const size_t end = text.find('\n');
    out += Printable(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

size_t Columns(std::string_view text) {
  size_t columns = 0;
  for (; !text.empty(); ++columns) text.remove_prefix(DecodeUtf8(text).bytes);
  return columns;
}

}  // namespace nodeproof::reports
