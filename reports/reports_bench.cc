// How long a results file of 10,000 claims takes to read and to render in each format; it must be
// less than 5 s. (That the page filters without lag is measured by browser_test.py.)
//   cmake --build --preset release --target reports_bench
//   build/release/bench/reports_bench --benchmark_counters_tabular=true
#include <benchmark/benchmark.h>

#include "reports/many_claims.h"
#include "reports/reports.h"

namespace nodeproof::reports {
namespace {

const std::string& Document() {
  static const std::string document =
      results::Serialize(ManyClaims(NODEPROOF_SOURCE_DIR "/reports/testdata/mixed.json")).value();
  return document;
}

void BM_Parse(benchmark::State& state) {
  const std::string& document = Document();
  for (auto _ : state) benchmark::DoNotOptimize(results::ParseResults(document, "bench"));
  state.counters["MiB"] = static_cast<double>(document.size()) / 1048576;
}
BENCHMARK(BM_Parse)->Unit(benchmark::kMillisecond);

void BM_Render(benchmark::State& state) {
  const results::Results results = results::ParseResults(Document(), "bench").value();
  const auto format = static_cast<Format>(state.range(0));
  size_t size = 0;
  for (auto _ : state) size = Render(format, results).value().size();
  state.SetLabel(std::string(ToString(format)));
  state.counters["MiB"] = static_cast<double>(size) / 1048576;
}
BENCHMARK(BM_Render)
    ->DenseRange(static_cast<int>(Format::kConsole), static_cast<int>(Format::kLava))
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nodeproof::reports

BENCHMARK_MAIN();
