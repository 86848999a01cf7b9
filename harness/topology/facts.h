// The facts of a node that a reader of results.json needs to judge them: kernel, CPUs, memory,
// cgroup mount, and what else changes how a kernel isolates. Shape: "node" of results.schema.json.
#pragma once

#include "harness/base/json.h"
#include "harness/base/result.h"

namespace nodeproof {

// Where the facts are read; tests hand it a fake tree.
struct FactSources {
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string boot = "/boot";  // for config-<release>
};

// `kind` is "vm" or "host". Facts that a kernel does not tell are left out.
Result<Json> ReadNodeFacts(std::string_view kind, const FactSources& sources = {});

// The lines of a kernel configuration that decide about isolation: {"CONFIG_CFS_BANDWIDTH": "y"}.
Json RelevantKernelConfig(std::string_view config);

}  // namespace nodeproof
