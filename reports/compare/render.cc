#include "reports/compare/render.h"

#include <array>

namespace nodeproof::reports {

Result<CompareFormat> ParseCompareFormat(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, CompareFormat>, 4> kFormats{
      {{"text", CompareFormat::kText},
       {"markdown", CompareFormat::kMarkdown},
       {"json", CompareFormat::kJson},
       {"html", CompareFormat::kHtml}}};
  for (const auto& [name, format] : kFormats) {
    if (name == text) return format;
  }
  return Fail("{} is no format of a comparison (text, markdown, json, html)", Quoted(text));
}

Result<std::string> Render(CompareFormat format, const Comparison& comparison) {
  switch (format) {
    case CompareFormat::kText:
      return RenderCompareText(comparison);
    case CompareFormat::kMarkdown:
      return RenderCompareMarkdown(comparison);
    case CompareFormat::kJson:
      return RenderCompareJson(comparison);
    case CompareFormat::kHtml:
      return RenderCompareHtml(comparison);
  }
  return Fail("no such format of a comparison");
}

}  // namespace nodeproof::reports
