// Text for GitHub Flavoured Markdown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nodeproof::reports {

// A comment on GitHub holds 65,536 characters; what would pass this many bytes is left to the other
// formats, and counted.
inline constexpr size_t kMarkdownBudget = 60000;

// Printable text with every character that Markdown or HTML would read escaped. A zero-width space
// after '@', '#' and "://" keeps hosts from making mentions, issue links and addresses of them,
// which they do after unescaping.
std::string MarkdownEscaped(std::string_view printable);

// Any text, made printable and escaped.
std::string MarkdownText(std::string_view text);

}  // namespace nodeproof::reports
