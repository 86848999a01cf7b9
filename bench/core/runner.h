// Runs one benchmark: checks what it needs, makes its group, and has Google Benchmark measure it in
// a process of its own, which is born in that group.
#pragma once

#include "bench/core/context.h"

namespace nodeproof::bench {

// The row of results.json, whatever happened: "status" is measured, unsupported or error.
Json RunBench(const Bench& bench, Environment& environment);

}  // namespace nodeproof::bench
