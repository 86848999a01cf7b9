// What the user asked `run` for, and what that means to a node.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/node/protocol.h"
#include "harness/node/vm_node.h"

namespace nodeproof::cli {

struct RunOptions {
  std::vector<std::string> globs;
  std::string node = "auto";
  std::string lane = "realtime";
  std::string driver = "systemd";
  std::string accelerator = "auto";
  std::string kernel;
  std::string shape;  // "": the shapes that the claims need
  std::optional<int> cpus;
  std::string memory;
  std::vector<std::string> modules;
  std::vector<std::string> programs = {};  // that the VM gets besides
  uint64_t seed = 1;
  int repeat = 1;
  double timeout_s = 0;
  std::string out;
  bool no_control = false;
  bool thorough = false;
  std::string known;  // a list of known violations; "" for the shipped one
  bool strict = false;
  bool json = false;
  bool benchmarks = false;  // `bench`: the globs are benchmarks'
  bool list = false;        // only say which
  std::vector<std::string> victims = {};
  std::vector<std::string> aggressors = {};

  // The user chose the VM's hardware: every claim runs on it, or is unsupported there.
  bool FixesHardware() const { return !shape.empty() || cpus || !memory.empty(); }
};

// For transform() of an option that takes a whole number: decimal digits and nothing else. CLI11
// alone reads -1 as 2^64 - 1 and 010 as eight.
CLI::Validator WholeNumber();

void AddRunOptions(CLI::App& command, RunOptions& options);
void AddBenchOptions(CLI::App& command, RunOptions& options);
// The benchmarks that `bench` means: without a pattern all but the interference matrix; a word such
// as "cpu" or "interference" is all below it; --victim and --aggressor choose cells of the matrix.
std::vector<std::string> BenchGlobs(const RunOptions& options, const std::vector<std::string>& ids);

// Errors name the option.
Result<node::RunRequest> MakeRequest(const RunOptions& options);
Result<node::VmOptions> MakeVmOptions(const RunOptions& options);

// What the user asked for that only a VM can do, or "".
std::string VmOnly(const RunOptions& options);

}  // namespace nodeproof::cli
