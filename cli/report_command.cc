// `nodeproof report`: renders a results file again, without a run.
#include <unistd.h>

#include <memory>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "harness/base/file.h"
#include "reports/reports.h"

namespace nodeproof::cli {
namespace {

struct ReportOptions {
  std::string file;
  std::string format = "console";
  std::string known;
  bool strict = false;
};

Result<int> Report(const ReportOptions& options) {
  const reports::Format format = TRY(reports::ParseFormat(options.format));
  results::Results results = TRY(LoadResults(options.file));
  if (!options.known.empty()) reports::MarkKnown(TRY(LoadKnown(options.known)), results);
  if (options.strict) results = reports::Strict(std::move(results));
  const std::string text = format == reports::Format::kConsole && ::isatty(STDOUT_FILENO) != 0
                               ? reports::RenderConsole(results, reports::Colour::kYes)
                               : TRY(reports::Render(format, results));
  TRY(WriteAll(STDOUT_FILENO, text, "standard output"));
  return kExitOk;
}

}  // namespace

Command AddReportCommand(CLI::App& app) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Render a results file.");
  command->add_option("FILE", options->file, "A results.json.")->required();
  command->add_option("--format", options->format,
                      "console, json, junit, ktap, html or markdown (default: console).");
  command->add_option("--known", options->known,
                      "Mark violations by this list instead of as they were marked in the run.");
  command->add_flag("--strict", options->strict, "Show known violations as violations.");
  return [options] { return Report(*options); };
}

}  // namespace nodeproof::cli
