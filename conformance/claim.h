// A claim: one promise about isolation, written so that a machine can refute it.
//
// A claim has two arms that run the same load. In the protected arm the guarantee is configured and
// the claim's checks must hold; in the control arm the guarantee is taken away and the deciding
// check must fail: a promise that holds without its protection proves nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/node/protocol.h"
#include "harness/results/results.h"
#include "harness/topology/cpu_layout.h"

namespace nodeproof::conformance {

class ArmContext;

enum class ArmRole { kProtected, kControl };
std::string_view ToString(ArmRole role);  // "protected", "control"

// What a node must have for the claim to say anything about it. What is missing makes the verdict
// `unsupported`, with the file, controller or device named.
struct Needs {
  std::vector<std::string> controllers = {};
  int cpus = 1;
  int threads = 1;             // hardware threads of each core
  int numa_nodes = 1;          // with CPUs
  int cpus_per_numa_node = 1;  // in each of them
  int last_level_caches = 1;
  int memory_only_nodes = 0;  // NUMA nodes without CPUs: far memory
  int cxl_nodes = 0;          // of these, nodes of CXL memory
  Bytes memory{0};            // free for the capsule
  bool scratch = false;       // a file system on a disk, for page cache that can be reclaimed
  bool realtime = false;      // why_realtime says why the deterministic lane cannot run it
  std::string why_realtime = {};
  // A node of its own: it changes what stands outside the capsule, or that would change what it
  // measures; why_whole_node says what.
  bool whole_node = false;
  std::string why_whole_node = {};

  CpuLayout layout() const {
    return {.cpus = cpus,
            .threads = threads,
            .numa_nodes = numa_nodes,
            .last_level_caches = last_level_caches,
            .cpus_per_numa_node = cpus_per_numa_node,
            .memory_only_nodes = memory_only_nodes,
            .cxl_nodes = cxl_nodes};
  }
};

// What `nodeproof doc` prints, beside the statement and the source.
struct Explanation {
  std::string tree;       // the cgroups, drawn
  std::string load;       // who does what in them
  std::string expected;   // the value and where it comes from
  std::string tolerance;  // its derivation
  std::string control;    // what the control arm takes away
};

struct Claim {
  std::string id;         // "cpu.weight.siblings"
  std::string statement;  // one sentence
  std::string source;
  Needs needs;
  Explanation explanation;
  std::string no_control_reason = {};  // set where a control arm is impossible: why, in one line
  Seconds arm_budget{20};              // time that one arm's windows may take
  double thorough_factor = 1;          // with --thorough, times the protected arm's budget
  // Runs one arm. An Error that is marked `unsupported` gives that verdict, any other `error`.
  std::function<Result<results::Arm>(ArmContext&)> measure;
};

// {"id", "statement", "source", "lanes", "needs", "explanation"}: what `list` and `doc` read.
Json Describe(const Claim& claim);

// An Error for what a node lacks; it makes the verdict `unsupported`.
template <typename... Args>
std::unexpected<Error> Unsupported(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...), "", 0, true});
}

}  // namespace nodeproof::conformance
