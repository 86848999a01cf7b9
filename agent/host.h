// The agent on somebody's host: a supervisor that outlives the session and takes its cgroups down,
// whether the session ends, crashes or is told to stop.
#pragma once

#include <string>

#include "agent/event_writer.h"
#include "agent/session.h"
#include "harness/base/result.h"
#include "harness/node/protocol.h"

namespace nodeproof::agent {

// Runs the session in a child process and returns its exit status: 0, or 2 when it said `fatal`.
// SIGTERM, SIGINT and SIGHUP end it early. Afterwards nothing of it is left below
// place.cgroup_root; capsules of runs that were killed go as well.
Result<int> SuperviseSession(const node::RunRequest& request, const Place& place,
                             const EventWriter& events);

// `base` if it is on a file system whose page cache can be dropped (not tmpfs or ramfs); else an
// Error that says why.
Result<std::filesystem::path> FindHostScratch(const std::filesystem::path& base);

}  // namespace nodeproof::agent
