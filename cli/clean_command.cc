// `nodeproof clean`: removes what a killed run left behind, and nothing else.
#include <memory>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/paths.h"
#include "cli/run_record.h"
#include "harness/base/json.h"
#include "harness/capsule/stale.h"
#include "harness/node/host_node.h"

namespace nodeproof::cli {
namespace {

// On a machine without a usable unified hierarchy no run can have left a cgroup.
Result<capsule::StaleReport> CleanCgroups() {
  const auto host = node::CheckHost();
  if (!host) return capsule::StaleReport{};
  return capsule::RemoveStale(TRY(cgroup::Cgroup::Open(host->cgroup)));
}

Result<int> Clean(bool json) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& state : StateDirectories()) {
    const auto found = TRY(RemoveLeftovers(state));
    files.insert(files.end(), found.begin(), found.end());
  }
  const capsule::StaleReport cgroups = TRY(CleanCgroups());
  std::vector<std::string> removed = cgroups.removed;
  for (const auto& file : files) removed.push_back(file.string());
  if (json) {
    fmt::print(
        "{}\n",
        TRY(DumpJson(
            {{"removed", removed}, {"in_use", cgroups.in_use}, {"foreign", cgroups.foreign}}, 2)));
    return kExitOk;
  }
  for (const std::string& path : removed) fmt::print("removed {}\n", path);
  for (const std::string& path : cgroups.in_use) fmt::print("in use, left alone: {}\n", path);
  for (const std::string& path : cgroups.foreign) {
    fmt::print("not made by nodeproof, left alone: {}\n", path);
  }
  if (removed.empty() && cgroups.in_use.empty() && cgroups.foreign.empty()) {
    fmt::print("nothing to clean\n");
  }
  return kExitOk;
}

}  // namespace

Command AddCleanCommand(CLI::App& app) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("clean", "Remove what a killed run left behind.");
  command->add_flag("--json", *json, "Print JSON.");
  return [json] { return Clean(*json); };
}

}  // namespace nodeproof::cli
