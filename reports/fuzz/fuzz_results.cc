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

// No terminal escape, no stray byte and, where it would be markup, no script but our own.
enum class Markup { kNo, kYes, kWithScript };
void CheckText(std::string_view text, Markup markup) {
  Demand(text.find('\x1b') == std::string_view::npos);
  Demand(ToValidUtf8(text) == text);
  if (markup == Markup::kNo) return;
  const size_t script = text.find("<script");
  Demand((script != std::string_view::npos) == (markup == Markup::kWithScript));
  if (script != std::string_view::npos) Demand(text.rfind("<script") == script);
}

void RenderAll(const results::Results& results) {
  for (const Format format : {Format::kConsole, Format::kJunit, Format::kKtap, Format::kHtml,
                              Format::kMarkdown, Format::kLava}) {
    const Markup markup = format == Format::kHtml    ? Markup::kWithScript
                          : format == Format::kJunit ? Markup::kYes
                                                     : Markup::kNo;
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
    const bool html = format == CompareFormat::kHtml;
    CheckText(Render(format, comparison).value(), html ? Markup::kYes : Markup::kNo);
  }
  if (const auto noise = MeasureNoise({results, results}, {}))
    CheckText(RenderNoiseText(*noise), Markup::kNo);
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
    CheckText(Render(JudgeFormat::kText, judgement).value(), Markup::kNo);
  }
  MarkKnown(ShippedKnown(), *parsed);
  CheckText(RenderKtap(Strict(*std::move(parsed))), Markup::kNo);
  return 0;
}
