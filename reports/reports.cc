#include "reports/reports.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "harness/base/file.h"
#include "reports/export/export.h"
#include "reports/known/known.h"
#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

constexpr std::array<std::pair<Format, std::string_view>, 8> kFormats{
    {{Format::kConsole, "console"},
     {Format::kJson, "json"},
     {Format::kJunit, "junit"},
     {Format::kKtap, "ktap"},
     {Format::kHtml, "html"},
     {Format::kMarkdown, "markdown"},
     {Format::kKcidb, "kcidb"},
     {Format::kLava, "lava"}}};

constexpr std::array<std::pair<Format, const char*>, 4> kFiles{{{Format::kJson, "results.json"},
                                                                {Format::kJunit, "junit.xml"},
                                                                {Format::kKtap, "results.ktap"},
                                                                {Format::kHtml, "report.html"}}};

// What was kept of claims that need looking into, as text to page through; "" when there is none.
std::string EvidenceText(const results::Results& results) {
  std::string text;
  for (const results::Claim& claim : results.claims) {
    if (claim.evidence.empty()) continue;
    text += fmt::format("##### {} (iteration {}): {}: {}\n\n", Printable(claim.id), claim.iteration,
                        results::ToString(claim.verdict), Printable(claim.reason));
    for (const auto& [title, shown] : claim.evidence) {
      text += fmt::format("=== {}\n{}\n", Printable(title), PrintableLines(shown));
    }
  }
  return text;
}

}  // namespace

std::string_view ToString(Format format) {
  for (const auto& [known, name] : kFormats) {
    if (known == format) return name;
  }
  return "unknown";
}

Result<Format> ParseFormat(std::string_view text) {
  for (const auto& [format, name] : kFormats) {
    if (name == text) return format;
  }
  return Fail("{} is no report format (console, json, junit, ktap, html, markdown, kcidb, lava)",
              Quoted(text));
}

Result<std::string> Render(Format format, const results::Results& results) {
  switch (format) {
    case Format::kConsole:
      return RenderConsole(results, Colour::kNo);
    case Format::kJson:
      return results::Serialize(results);
    case Format::kJunit:
      return RenderJunit(results);
    case Format::kKtap:
      return RenderKtap(results);
    case Format::kHtml:
      return RenderHtml(results);
    case Format::kMarkdown:
      return RenderMarkdown(results);
    case Format::kKcidb:
      return RenderKcidb(results);
    case Format::kLava:
      return RenderLava(results);
  }
  return Fail("no such report format");
}

Status WriteReports(const std::filesystem::path& directory, const results::Results& results,
                    bool strict) {
  const results::Results shown = strict ? Strict(results) : results;
  for (const auto& [format, file] : kFiles) {
    const std::string text = TRY(Render(format, format == Format::kJson ? results : shown));
    TRY(WriteFileAtomic(directory / file, text));
  }
  const std::string evidence = EvidenceText(results);
  if (!evidence.empty()) return WriteFileAtomic(directory / kEvidenceFile, evidence);
  std::error_code gone;  // an earlier run's evidence is none of this one's
  std::filesystem::remove(directory / kEvidenceFile, gone);
  return {};
}

}  // namespace nodeproof::reports
