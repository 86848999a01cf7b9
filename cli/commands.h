// The subcommands. Each adds itself to the command line and leaves a function that runs it and
// returns the exit status.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "harness/base/result.h"

namespace nodeproof::cli {

using Command = std::function<Result<int>()>;

Command AddRunCommand(CLI::App& app, const std::vector<std::string>& argv);
Command AddBenchCommand(CLI::App& app, const std::vector<std::string>& argv);
Command AddListCommand(CLI::App& app);
Command AddDocCommand(CLI::App& app);
Command AddPlanCommand(CLI::App& app);
Command AddModelCommand(CLI::App& app);
Command AddReportCommand(CLI::App& app);
Command AddCompareCommand(CLI::App& app);
Command AddGateCommand(CLI::App& app);
Command AddJudgeCommand(CLI::App& app);
Command AddDoctorCommand(CLI::App& app);
Command AddCleanCommand(CLI::App& app);

}  // namespace nodeproof::cli
