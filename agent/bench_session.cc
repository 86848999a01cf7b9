#include "agent/bench_session.h"

#include "bench/all_benches.h"
#include "bench/core/row.h"
#include "bench/core/runner.h"

namespace nodeproof::agent {

Result<int> RunBenches(const node::RunRequest& request, bench::Environment& environment,
                       const EventWriter& events) {
  bench::Registry registry;
  bench::RegisterAllBenches(registry);
  std::vector<const bench::Bench*> benches;
  for (const std::string& id : request.benchmarks) {
    benches.push_back(registry.Find(id));
    if (benches.back() == nullptr) return Fail("the agent has no benchmark {}", id);
  }
  const int total = static_cast<int>(benches.size()) * request.repeat;
  int finished = 0;
  for (int iteration = 1; iteration <= request.repeat; ++iteration) {
    for (const bench::Bench* each : benches) {
      events.Write(node::ClaimStartEvent(
          each->id, finished + 1, total,
          environment.thorough ? each->budget * static_cast<double>(each->thorough_factor)
                               : each->budget));
      Json row = bench::RunBench(*each, environment);
      // A number that has no JSON form is a mistake of the benchmark's.
      if (const auto text = DumpJson(row); !text) {
        row = bench::BrokenRow(each->id, each->what, text.error());
      }
      row["iteration"] = iteration;
      events.Write(node::BenchmarkEvent(std::move(row)));
      ++finished;
    }
  }
  return finished;
}

}  // namespace nodeproof::agent
