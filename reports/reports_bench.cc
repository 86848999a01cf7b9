// How long a results file of 10,000 claims takes to read and to render in each format.
//   reports_bench --benchmark_counters_tabular=true
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "harness/base/file.h"
#include "reports/reports.h"

namespace nodeproof::reports {
namespace {

// The claims of testdata/mixed.json over and over, each with 2 x 100 samples an arm's check.
std::string TenThousandClaims() {
  const std::string path = NODEPROOF_SOURCE_DIR "/reports/testdata/mixed.json";
  auto results = results::ParseResults(ReadFile(path).value(), path);
  if (!results) std::abort();
  const std::vector<results::Claim> kinds = results->claims;
  results->claims.clear();
  for (int i = 0; i < 10000; ++i) {
    results::Claim claim = kinds[static_cast<size_t>(i) % kinds.size()];
    claim.id += fmt::format(".case-{}", i);
    for (auto* arm : {&claim.protected_arm, &claim.control_arm}) {
      if (!*arm) continue;
      for (results::Check& check : (*arm)->checks) {
        while (check.measured.samples.size() < 100) {
          check.measured.samples.push_back(check.measured.estimate * (1 + i * 1e-7));
        }
      }
    }
    results->claims.push_back(std::move(claim));
  }
  return results::Serialize(*results).value();
}

const std::string& Document() {
  static const std::string document = TenThousandClaims();
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
BENCHMARK(BM_Render)->DenseRange(0, 5)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nodeproof::reports

BENCHMARK_MAIN();
