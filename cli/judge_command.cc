// `nodeproof judge`: a results file against an acceptance profile, without a run.
#include <unistd.h>

#include <memory>

#include "cli/commands.h"
#include "cli/documents.h"
#include "harness/base/file.h"
#include "reports/judge/judge.h"

namespace nodeproof::cli {
namespace {

struct JudgeOptions {
  std::string file;
  std::string profile;
  std::string format = "text";
  bool strict = false;
};

// A shipped profile by its name, else a file.
Result<reports::Profile> LoadProfile(const std::string& name) {
  if (auto shipped = reports::ShippedProfile(name)) return *std::move(shipped);
  auto text = LoadText(name);
  if (!text && name.find_first_of("/.") == std::string::npos) {
    std::string names;
    for (const std::string& each : reports::ShippedProfileNames()) {
      names += (names.empty() ? "" : ", ") + each;
    }
    return std::unexpected(Error{fmt::format("--profile {}: no such profile or file", Quoted(name)),
                                 "give a file, or one of " + names, 0});
  }
  return reports::ParseProfile(TRY(std::move(text)), name);
}

Result<int> JudgeFile(const JudgeOptions& options) {
  const auto format = TRY(reports::ParseJudgeFormat(options.format));
  const reports::Profile profile = TRY(LoadProfile(options.profile));
  const results::Results results = TRY(LoadResults(options.file));
  const reports::Judgement judgement = reports::Judge(results, profile, options.strict);
  const std::string text = TRY(reports::Render(format, judgement));
  TRY(WriteAll(STDOUT_FILENO, text, "standard output"));
  return judgement.ExitStatus();
}

}  // namespace

Command AddJudgeCommand(CLI::App& app) {
  const auto options = std::make_shared<JudgeOptions>();
  CLI::App* command = app.add_subcommand(
      "judge", "Judge a results file by an acceptance profile, from its stored samples.");
  command->add_option("FILE", options->file, "A results.json.")->required();
  command
      ->add_option("--profile", options->profile, "general, low-latency, or a profile's JSON file.")
      ->required();
  command->add_option("--format", options->format, "text, markdown or json (default: text).");
  command->add_flag("--strict", options->strict, "Count known violations as violations.");
  command->footer(
      "Exit status: 0 the node meets the profile, 1 a demand failed, 2 it cannot be judged, 3 a\n"
      "demand is undecided, or required and not measured.");
  return [options] { return JudgeFile(*options); };
}

}  // namespace nodeproof::cli
