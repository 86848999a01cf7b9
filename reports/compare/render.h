// A comparison in every format, one small file each.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "reports/compare/compare.h"

namespace nodeproof::reports {

inline constexpr std::string_view kComparisonSchema = "nodeproof.comparison/1";

enum class CompareFormat { kText, kMarkdown, kJson, kHtml };
Result<CompareFormat> ParseCompareFormat(std::string_view text);  // "text", "markdown", …

// Errors only for kJson, when a figure has no JSON form.
Result<std::string> Render(CompareFormat format, const Comparison& comparison);

std::string RenderCompareText(const Comparison& comparison);
// Fits a pull request's comment: at most 60,000 bytes.
std::string RenderCompareMarkdown(const Comparison& comparison);
Result<std::string> RenderCompareJson(const Comparison& comparison);
std::string RenderCompareHtml(const Comparison& comparison);

}  // namespace nodeproof::reports
