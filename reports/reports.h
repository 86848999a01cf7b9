// Every report of a run, made from the typed result model alone: no renderer talks to a kernel or
// runs anything, so a results.json can be rendered again later, elsewhere.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/results/results.h"

namespace nodeproof::reports {

enum class Format { kConsole, kJson, kJunit, kKtap, kHtml, kMarkdown, kKcidb, kLava };

// "console", "json", "junit", "ktap", "html", "markdown", "kcidb", "lava".
std::string_view ToString(Format format);
Result<Format> ParseFormat(std::string_view text);

// The report as text. Errors only for the JSON formats, when `results` has no JSON form.
Result<std::string> Render(Format format, const results::Results& results);

// In the --out folder, when a claim needs looking into: what the kernel showed, as text.
constexpr const char* kEvidenceFile = "evidence.txt";

// Writes results.json, junit.xml, results.ktap and report.html into `directory`, which must exist,
// each with a rename, so that a reader never meets half a file. results.json comes first: when a
// later one cannot be written, the run itself is safe. `strict` shows known violations as plain
// ones in all but results.json, which keeps what is known. evidence.txt besides, where there is
// any.
Status WriteReports(const std::filesystem::path& directory, const results::Results& results,
                    bool strict = false);

// One small file each.
enum class Colour { kNo, kYes };
std::string RenderConsole(const results::Results& results, Colour colour);
std::string RenderJunit(const results::Results& results);
std::string RenderKtap(const results::Results& results);
std::string RenderHtml(const results::Results& results);
std::string RenderMarkdown(const results::Results& results);

}  // namespace nodeproof::reports
