// `nodeproof report`: renders a results file again, without a run.
#include <unistd.h>

#include <memory>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "harness/base/file.h"
#include "reports/export/export.h"
#include "reports/reports.h"

namespace nodeproof::cli {
namespace {

struct ReportOptions {
  std::string file;
  std::string format = "console";
  std::string known;
  std::string npd;
  std::string sonobuoy;
  reports::KcidbOptions kcidb;
  bool strict = false;
};

Result<std::string> Rendered(reports::Format format, const ReportOptions& options,
                             const results::Results& results) {
  if (format == reports::Format::kKcidb) return reports::RenderKcidb(results, options.kcidb);
  if (format == reports::Format::kConsole && ::isatty(STDOUT_FILENO) != 0) {
    return reports::RenderConsole(results, reports::Colour::kYes);
  }
  return reports::Render(format, results);
}

Result<int> Report(const ReportOptions& options) {
  const reports::Format format = TRY(reports::ParseFormat(options.format));
  results::Results results = TRY(LoadResults(options.file));
  if (!options.known.empty()) reports::MarkKnown(TRY(LoadKnown(options.known)), results);
  if (options.strict) results = reports::Strict(std::move(results));
  if (!options.sonobuoy.empty()) {
    TRY(reports::WriteSonobuoy(options.sonobuoy, results));
    return kExitOk;
  }
  if (!options.npd.empty()) {
    const reports::NpdAnswer answer = reports::NpdAnswerFor(results, options.npd);
    TRY(WriteAll(STDOUT_FILENO, answer.line + "\n", "standard output"));
    return answer.exit_status;
  }
  const std::string text = TRY(Rendered(format, options, results));
  TRY(WriteAll(STDOUT_FILENO, text, "standard output"));
  return kExitOk;
}

}  // namespace

Command AddReportCommand(CLI::App& app) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Render a results file.");
  command->add_option("FILE", options->file, "A results.json.")->required();
  command->add_option(
      "--format", options->format,
      "console, json, junit, ktap, html, markdown, kcidb or lava (default: console).");
  auto* npd = command->add_option(
      "--npd", options->npd,
      "One claim in a line of at most 80 bytes, for the node-problem-detector; exit status 0 no "
      "problem, 1 violated, 2 unknown.");
  command
      ->add_option("--sonobuoy", options->sonobuoy,
                   "Folder for what a Sonobuoy plugin hands in: junit.xml, results.json, done.")
      ->excludes(npd);
  command->add_option("--kcidb-origin", options->kcidb.origin,
                      "The CI system that submits to KCIDB (default: nodeproof).");
  command->add_option("--kcidb-build", options->kcidb.build,
                      "KCIDB id of the tested build (default: origin and kernel release).");
  command->add_option("--known", options->known,
                      "Mark violations by this list instead of as they were marked in the run.");
  command->add_flag("--strict", options->strict, "Show known violations as violations.");
  return [options] { return Report(*options); };
}

}  // namespace nodeproof::cli
