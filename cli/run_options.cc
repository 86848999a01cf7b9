#include "cli/run_options.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <limits>

#include "cli/paths.h"
#include "cli/shape_choice.h"
#include "harness/base/file.h"
#include "harness/base/json.h"

namespace nodeproof::cli {
namespace {

void AddNodeOptions(CLI::App& command, RunOptions& options) {
  command.add_option("--node", options.node, "Where to run: auto, host or vm (default: auto).");
  command.add_option("--kernel", options.kernel,
                     "A bzImage, or the short name of a cached kernel such as 6.12 or 6.1.");
  command.add_option("--cpus", options.cpus, "CPUs of the VM (default: the shape's).")
      ->transform(WholeNumber());
  command.add_option("--memory", options.memory, "Memory of the VM, such as 2G.");
  command.add_option("--shape", options.shape,
                     "Hardware of the VM (default: the smallest shapes that the claims need).");
  command
      .add_option("--module", options.modules,
                  "Kernel module to load in the VM before the claims; may be repeated.")
      ->allow_extra_args(false);  // what follows are claims
  command.add_option("--accel", options.accelerator, "auto, kvm or tcg (default: auto).");
  command.add_option(
      "--lane", options.lane,
      "realtime, or deterministic: a virtual clock that repeats bit for bit on one CPU.");
}

}  // namespace

CLI::Validator WholeNumber() {
  const auto rewrite = [](std::string& text) -> std::string {
    const auto number = ParseUint(text);
    if (!number) {
      return fmt::format("{} is not a whole number from 0 to {}, in decimal digits", Quoted(text),
                         std::numeric_limits<uint64_t>::max());
    }
    text = fmt::format("{}", *number);
    return "";
  };
  return {rewrite, ""};
}

void AddRunOptions(CLI::App& command, RunOptions& options) {
  command.add_option("CLAIM", options.globs, "Claims to run, such as 'cpu.*' (default: all).");
  AddNodeOptions(command, options);
  command.add_option("--driver", options.driver,
                     "Names of cgroups: systemd or cgroupfs (default: systemd).");
  command.add_option("--seed", options.seed, "Seed of all random input (default: 1).")
      ->transform(WholeNumber());
  command.add_option("--repeat", options.repeat, "Run every claim N times (default: 1).")
      ->transform(WholeNumber())
      ->check(CLI::Range(1, 10000));
  command
      .add_option("--timeout", options.timeout_s,
                  "Seconds that one claim's measurement may take (default: each claim's own).")
      ->check(CLI::Range(1.0, 86400.0));
  command.add_option("--out", options.out,
                     "Folder for results.json, junit.xml, results.ktap and report.html.");
  command.add_flag("--no-control", options.no_control,
                   "Leave the control arms out; the report says so.");
  command.add_flag("--thorough", options.thorough,
                   "Draw more of what is drawn at random (20 trees instead of 1).");
  command.add_option("--known", options.known,
                     "List of known violations (default: the one that nodeproof ships with).");
  command.add_flag("--strict", options.strict,
                   "Count known violations as violations, in reports and exit status.");
  command.add_flag("--json", options.json, "Print the results as JSON; progress to stderr.");
}

void AddBenchOptions(CLI::App& command, RunOptions& options) {
  options.benchmarks = true;
  command.add_option(
      "PATTERN", options.globs,
      "Benchmarks, such as 'cpu.wakeup.*' or memory (default: all but interference).");
  command.add_flag("--list", options.list, "List them, and run none.");
  AddNodeOptions(command, options);
  command
      .add_option("--pack", options.programs,
                  "Program of this machine that the VM gets under the same path, with its "
                  "libraries, such as /usr/bin/crun; may be repeated.")
      ->allow_extra_args(false)
      ->check(CLI::ExistingFile);
  command
      .add_option("--victim", options.victims,
                  "Only these victims of the interference matrix; may be repeated.")
      ->allow_extra_args(false);
  command
      .add_option("--aggressor", options.aggressors,
                  "Only these aggressors of the interference matrix; may be repeated.")
      ->allow_extra_args(false);
  command.add_option("--seed", options.seed, "Seed of all random input (default: 1).")
      ->transform(WholeNumber());
  command.add_option("--repeat", options.repeat, "Run every benchmark N times (default: 1).")
      ->transform(WholeNumber())
      ->check(CLI::Range(1, 10000));
  command.add_option("--out", options.out, "Folder for results.json and report.html.");
  command.add_flag("--thorough", options.thorough,
                   "Measure longer: narrow intervals, and percentiles of the interference matrix.");
  command.add_flag("--json", options.json, "Print JSON; progress to stderr.");
}

std::vector<std::string> BenchGlobs(const RunOptions& options,
                                    const std::vector<std::string>& ids) {
  constexpr std::string_view kMatrix = "interference.";
  std::vector<std::string> globs;
  for (const std::string& glob : options.globs) {
    const bool area =
        std::ranges::any_of(ids, [&](const std::string& id) { return id.starts_with(glob + "."); });
    globs.push_back(area ? glob + ".*" : glob);
  }
  const std::vector<std::string> any = {"*"};
  if (!options.victims.empty() || !options.aggressors.empty()) {
    std::erase(globs, "interference.*");
    for (const std::string& victim : options.victims.empty() ? any : options.victims) {
      for (const std::string& aggressor : options.aggressors.empty() ? any : options.aggressors) {
        globs.push_back(fmt::format("{}isolation.{}.{}", kMatrix, victim, aggressor));
      }
    }
  }
  if (!globs.empty()) return globs;
  std::ranges::copy_if(ids, std::back_inserter(globs),
                       [&](const std::string& id) { return !id.starts_with(kMatrix); });
  return globs;
}

Result<node::RunRequest> MakeRequest(const RunOptions& options) {
  node::RunRequest request;
  request.control = !options.no_control;
  request.seed = options.seed;
  if (options.thorough) request.args["thorough"] = true;
  request.lane = TRY(node::ParseLane(options.lane));
  request.driver = TRY(node::ParseCgroupDriver(options.driver));
  request.claim_timeout = Seconds(options.timeout_s);
  return request;
}

Result<node::VmOptions> MakeVmOptions(const RunOptions& options) {
  node::VmOptions vm;
  vm.agent = TRY(AgentPath()).string();
  vm.kernel = options.kernel;
  if (TRY(node::ParseLane(options.lane)) == node::Lane::kDeterministic) {
    vm.still_clock = TRY(StillClockPath()).string();
  }
  vm.shape = options.shape.empty() ? std::string(FirstShape(node::Lane::kRealtime)) : options.shape;
  vm.cpus = options.cpus;
  if (!options.memory.empty()) {
    const auto size = ParseSize(options.memory);
    if (!size) return Fail("--memory: {}", size.error().message);
    vm.memory = *size;
  }
  vm.modules = options.modules;
  for (const std::string& program : options.programs) {
    vm.programs.push_back(std::filesystem::absolute(program).lexically_normal().string());
  }
  vm.accelerator = TRY(node::ParseAcceleratorChoice(options.accelerator));
  return vm;
}

std::string VmOnly(const RunOptions& options) {
  if (options.lane == "deterministic") return "the deterministic lane";
  if (!options.kernel.empty()) return "--kernel";
  if (!options.modules.empty()) return "--module";
  if (!options.programs.empty()) return "--pack";
  if (!options.shape.empty()) return "--shape";
  if (options.cpus) return "--cpus";
  if (!options.memory.empty()) return "--memory";
  return "";
}

}  // namespace nodeproof::cli
