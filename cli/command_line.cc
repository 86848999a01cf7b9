#include "cli/command_line.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <optional>

#include "cli/catalog.h"
#include "cli/commands.h"
#include "cli/version.h"
#include "harness/base/json.h"

namespace nodeproof::cli {
namespace {

constexpr const char* kFooter =
    "Exit status: 0 every claim holds (or is unsupported), 1 a claim is violated,\n"
    "2 it could not run, 3 nothing violated but something inconclusive or in error.";

// CLI11 words its errors over several lines; ours are one line and a remedy.
int UsageError(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  std::string message = error.what();
  for (char& c : message) c = c == '\n' ? ' ' : c;
  const auto chosen = app.get_subcommands();
  fmt::print(stderr, "error: {}; see `{} --help`\n", message,
             chosen.empty() ? "nodeproof" : "nodeproof " + chosen.front()->get_name());
  return kExitCannotRun;
}

// CLI11 says of a wrong word in the command's place only that a command is missing.
std::optional<Error> UnknownCommand(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  const std::string word = argv[1];
  std::string nearest;
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string& name = command->get_name();
    if (name == word) return std::nullopt;
    if (nearest.empty() || EditDistance(word, name) < EditDistance(word, nearest)) nearest = name;
  }
  Error error{fmt::format("there is no command {}", Quoted(word)), "see `nodeproof --help`", 0};
  if (EditDistance(word, nearest) <= 2) error.hint = fmt::format("did you mean {}?", nearest);
  return error;
}

// Libraries that throw (a full disk below standard output, say) must not end us with a trace.
Result<int> Guarded(const Command& command) {
  try {
    return command();
  } catch (const std::exception& exception) {
    return Fail("{}", exception.what());
  }
}

}  // namespace

int Main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error on write, not an early death
  CLI::App app(
      "Proves that a node isolates: checks what a kernel does with cgroup v2 workloads\n"
      "against what Kubernetes assumes of it.",
      "nodeproof");
  app.set_version_flag("--version", std::string("nodeproof ") + kVersion);
  app.require_subcommand(1);
  app.footer(kFooter);
  const std::vector<std::string> words(argv, argv + argc);
  const std::vector<std::pair<std::string, Command>> commands = {
      {"run", AddRunCommand(app, words)}, {"bench", AddBenchCommand(app, words)},
      {"list", AddListCommand(app)},      {"doc", AddDocCommand(app)},
      {"plan", AddPlanCommand(app)},      {"model", AddModelCommand(app)},
      {"report", AddReportCommand(app)},  {"compare", AddCompareCommand(app)},
      {"judge", AddJudgeCommand(app)},    {"gate", AddGateCommand(app)},
      {"doctor", AddDoctorCommand(app)},  {"clean", AddCleanCommand(app)}};
  if (const auto unknown = UnknownCommand(app, argc, argv)) {
    fmt::print(stderr, "error: {}\n", unknown->ToString());
    return kExitCannotRun;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }
  for (const auto& [name, command] : commands) {
    if (!app.got_subcommand(name)) continue;
    Result<int> status = Guarded(command);
    if (status && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
      status = FailErrno(errno, "write to standard output");
    }
    if (status) return *status;
    fmt::print(stderr, "error: {}\n", status.error().ToString());
    return kExitCannotRun;
  }
  return kExitCannotRun;
}

}  // namespace nodeproof::cli
