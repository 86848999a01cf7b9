// `nodeproof compare`: what changed between two runs.
#include "cli/compare_command.h"

#include <unistd.h>

#include <memory>

#include "cli/commands.h"
#include "cli/documents.h"
#include "harness/base/file.h"
#include "reports/compare/comparable.h"
#include "reports/compare/noise_floor.h"
#include "reports/compare/render.h"

namespace nodeproof::cli {
namespace {

struct CompareArguments {
  std::string a;
  std::string b;
  std::string format = "text";
  ThresholdOptions threshold;
  bool force = false;
};

// The first difference is in the message, so that one line says why.
Status MustMatch(const std::vector<std::string>& differences) {
  if (differences.empty()) return {};
  const std::string more =
      differences.size() == 1 ? "" : fmt::format(" (and {} more)", differences.size() - 1);
  return std::unexpected(
      Error{fmt::format("the runs are not comparable: {}{}", differences.front(), more),
            "repeat one of them under the other's conditions, or compare with --force", 0});
}

Result<int> CompareFiles(const CompareArguments& arguments) {
  const auto format = TRY(reports::ParseCompareFormat(arguments.format));
  const results::Results a = TRY(LoadResults(arguments.a));
  const results::Results b = TRY(LoadResults(arguments.b));
  std::vector<std::string> differences = reports::RunDifferences(a, b);
  const auto of_claims = reports::ClaimDifferences(a, b);
  differences.insert(differences.end(), of_claims.begin(), of_claims.end());
  if (!arguments.force) TRY(MustMatch(differences));
  const auto options = TRY(MakeCompareOptions(arguments.threshold, b));
  reports::Comparison comparison = reports::Compare(a, b, options);
  comparison.a = reports::FactsOf(a, "A", arguments.a);
  comparison.b = reports::FactsOf(b, "B", arguments.b);
  comparison.differences = std::move(differences);
  const std::string text = TRY(reports::Render(format, comparison));
  TRY(WriteAll(STDOUT_FILENO, text, "standard output"));
  return comparison.ExitStatus();
}

}  // namespace

void AddThresholdOptions(CLI::App& command, ThresholdOptions& options) {
  command
      .add_option("--threshold", options.percent,
                  "Per cent by which a quantity must have changed to count (default: 5; for "
                  "a promised value no less than a tenth of its tolerance, and half at most).")
      ->check(CLI::Range(0.0, 1000.0));
  command.add_option("--noise-floor", options.noise_floor,
                     "A noise-floor.json of `nodeproof gate --aa`: no threshold is below it.");
  command.add_flag("--strict", options.strict, "Count known violations as violations.");
}

Result<reports::CompareOptions> MakeCompareOptions(const ThresholdOptions& options,
                                                   const results::Results& run) {
  reports::CompareOptions made;
  made.threshold_percent = options.percent;
  made.strict = options.strict;
  if (!options.noise_floor.empty()) {
    made.floor =
        TRY(reports::ParseNoiseFloor(TRY(LoadText(options.noise_floor)), options.noise_floor,
                                     run.run.lane, reports::ShapeOf(run)));
  }
  return made;
}

Command AddCompareCommand(CLI::App& app) {
  const auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand(
      "compare", "What changed between two runs: verdicts, and effect sizes with intervals.");
  command->add_option("A", arguments->a, "The results.json to compare with.")->required();
  command->add_option("B", arguments->b, "The results.json that may be worse.")->required();
  command->add_option("--format", arguments->format,
                      "text, markdown, json or html (default: text).");
  AddThresholdOptions(*command, arguments->threshold);
  command->add_flag("--force", arguments->force,
                    "Compare runs of other shapes, versions or parameters all the same.");
  command->footer(
      "Exit status: 0 nothing got worse, 1 a verdict or a quantity got worse, 2 they cannot be\n"
      "compared, 3 nothing got worse but something is undecided.");
  return [arguments] { return CompareFiles(*arguments); };
}

}  // namespace nodeproof::cli
