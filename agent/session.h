// One request carried out: facts, capsule, claims, events.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/event_writer.h"
#include "harness/base/result.h"
#include "harness/node/protocol.h"

namespace nodeproof::agent {

// What the place where the agent runs offers.
struct Place {
  std::string kind;                            // "vm" or "host"
  std::string cgroup_root = "/sys/fs/cgroup";  // of the unified hierarchy
  bool own_hierarchy = false;                  // nobody else uses it: controllers may be turned on
  std::optional<std::filesystem::path> scratch;  // a directory on a disk
  std::string why_no_scratch;                    // set when `scratch` is not
  std::string why_no_cxl;                        // set when a guest's CXL memory stays offline
};

// Says hello, runs the claims of `request` and says end. An Error means that no claim could run; it
// has not been written as an event yet.
Status RunSession(const node::RunRequest& request, const Place& place, const EventWriter& events);

}  // namespace nodeproof::agent
