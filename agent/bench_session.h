// The benchmarks of a request, carried out one after the other.
#pragma once

#include "agent/event_writer.h"
#include "bench/core/context.h"
#include "harness/node/protocol.h"

namespace nodeproof::agent {

// Runs them `request.repeat` times; each row is an event. Returns how many rows there were. Errors:
// a benchmark that the agent does not have.
Result<int> RunBenches(const node::RunRequest& request, bench::Environment& environment,
                       const EventWriter& events);

}  // namespace nodeproof::agent
