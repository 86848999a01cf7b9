// Text of unknown origin (names, reasons, knobs) made safe to show: every renderer passes what it
// prints through here first, then applies its own format's escapes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nodeproof::reports {

// The text on one line: control characters (newlines, terminal escapes), characters that turn the
// reading direction, non-characters and invalid bytes become visible, as in "\n", "\u{1b}" and
// U+FFFD. The rest is kept.
std::string Printable(std::string_view text);

// The same of each line of a longer text, which keeps its lines.
std::string PrintableLines(std::string_view text);

// How many columns printable text takes, at one a code point.
size_t Columns(std::string_view text);

}  // namespace nodeproof::reports
