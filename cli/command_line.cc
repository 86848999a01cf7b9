#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "cli/commands.h"
#include "cli/version.h"

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

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app(
      "Proves that a node isolates: checks what a kernel does with cgroup v2 workloads\n"
      "against what Kubernetes assumes of it.",
      "nodeproof");
  app.set_version_flag("--version", std::string("nodeproof ") + kVersion);
  app.require_subcommand(1);
  app.footer(kFooter);
  const std::vector<std::string> words(argv, argv + argc);
  const std::vector<std::pair<std::string, Command>> commands = {
      {"run", AddRunCommand(app, words)}, {"list", AddListCommand(app)},
      {"doc", AddDocCommand(app)},        {"plan", AddPlanCommand(app)},
      {"model", AddModelCommand(app)},    {"report", AddReportCommand(app)},
      {"doctor", AddDoctorCommand(app)},  {"clean", AddCleanCommand(app)}};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }
  for (const auto& [name, command] : commands) {
    if (!app.got_subcommand(name)) continue;
    const auto status = command();
    if (status) return *status;
    fmt::print(stderr, "error: {}\n", status.error().ToString());
    return kExitCannotRun;
  }
  return kExitCannotRun;
}

}  // namespace nodeproof::cli
