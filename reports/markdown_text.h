// Text for GitHub Flavoured Markdown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::reports {

// A comment on GitHub holds 65,536 characters; what would pass this many bytes is left to the other
// formats, and counted.
inline constexpr size_t kMarkdownBudget = 60000;

// Printable text with every character that Markdown or HTML would read escaped. A zero-width space
// after '@', '#', "www" and in "://" keeps hosts from making mentions, issue links and addresses of
// them, which they do after unescaping.
std::string MarkdownEscaped(std::string_view printable);

// Any text, made printable and escaped.
std::string MarkdownText(std::string_view text);

// Appends the lines that fit, as long as `out` stays within `budget`, and says how many more there
// are in `elsewhere` ("the other formats").
void AppendWithinBudget(const std::vector<std::string>& lines, std::string_view elsewhere,
                        std::string& out, size_t budget = kMarkdownBudget);

}  // namespace nodeproof::reports
