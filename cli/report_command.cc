// `nodeproof report`: renders a results file again, without a run.
#include <unistd.h>

#include <memory>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "harness/base/file.h"
#include "reports/reports.h"

namespace nodeproof::cli {
namespace {

struct ReportOptions {
  std::string file;
  std::string format = "console";
};

Result<int> Report(const ReportOptions& options) {
  const reports::Format format = TRY(reports::ParseFormat(options.format));
  const results::Results results =
      TRY(results::ParseResults(TRY(ReadFile(options.file)), options.file));
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
  return [options] { return Report(*options); };
}

}  // namespace nodeproof::cli
