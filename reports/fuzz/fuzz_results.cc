// Results files: any text parses or gives one line of error, and what parses can be rendered,
// compared with itself, judged and written again, the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/base/utf8.h"
#include "reports/compare/comparable.h"
#include "reports/compare/noise_floor.h"
#include "reports/compare/render.h"
#include "reports/export/export.h"
#include "reports/judge/judge.h"
#include "reports/known/known.h"
#include "reports/reports.h"

namespace {

using namespace nodeproof;
using namespace nodeproof::reports;

void Demand(bool holds) {
  if (!holds) std::abort();
}

// No terminal escape, no stray byte and, where it would be markup, no element of the document's.
void CheckText(std::string_view text, bool markup) {
  Demand(text.find('\x1b') == std::string_view::npos);
  Demand(ToValidUtf8(text) == text);
  if (markup) Demand(text.find("<script") == std::string_view::npos);
}

void RenderAll(const results::Results& results) {
  for (const Format format : {Format::kConsole, Format::kJunit, Format::kKtap, Format::kHtml,
                              Format::kMarkdown, Format::kLava}) {
    const bool markup = format == Format::kJunit || format == Format::kHtml;
    CheckText(Render(format, results).value(), markup);
  }
  Demand(RenderKcidb(results).has_value() || !results.node.is_object());
  for (const results::Claim& claim : results.claims) {
    Demand(NpdAnswerFor(results, claim.id).line.size() <= kNpdLine);
  }
}

void CompareAll(const results::Results& results) {
  RunDifferences(results, results);
  Demand(ClaimDifferences(results, results).size() <= results.claims.size());
  const Comparison comparison = Compare(results, results, {});
  Demand(!comparison.Regressed());
  for (const CompareFormat format :
       {CompareFormat::kText, CompareFormat::kMarkdown, CompareFormat::kHtml}) {
    CheckText(Render(format, comparison).value(), format == CompareFormat::kHtml);
  }
  if (const auto noise = MeasureNoise({results, results}, {}))
    CheckText(RenderNoiseText(*noise), false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto parsed = results::ParseResults(text, "fuzz.json");
  if (!parsed) {
    Demand(!parsed.error().message.empty());
    Demand(parsed.error().ToString().find('\n') == std::string::npos);
    return 0;
  }
  const auto written = results::Serialize(*parsed);
  Demand(written.has_value());
  Demand(results::Serialize(results::ParseResults(*written, "again").value()).value() == *written);
  RenderAll(*parsed);
  CompareAll(*parsed);
  for (const std::string& name : ShippedProfileNames()) {
    const Judgement judgement = Judge(*parsed, *ShippedProfile(name), true);
    CheckText(Render(JudgeFormat::kText, judgement).value(), false);
  }
  MarkKnown(ShippedKnown(), *parsed);
  CheckText(RenderKtap(Strict(*std::move(parsed))), false);
  return 0;
}
