#include "bench/core/runner.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "bench/core/nest.h"
#include "bench/core/row.h"
#include "harness/base/file.h"
#include "harness/cgroup/process.h"

namespace nodeproof::bench {
namespace {

// Keeps what Google Benchmark measured instead of printing it.
class Capture : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      repetitions.push_back({run.iterations, run.GetAdjustedRealTime(), run.GetAdjustedCPUTime()});
    }
  }

  std::vector<Repetition> repetitions;
};

// In the benchmark's own process.
Result<Json> Measure(const Bench& bench, const Environment& environment,
                     const cgroup::Cgroup* group) {
  bench::Context context(environment, group);
  std::optional<Error> failed;
  auto* registered = benchmark::RegisterBenchmark(bench.id.c_str(), [&](benchmark::State& state) {
    if (failed) return state.SkipWithError("an earlier repetition failed");
    context.BeginTrial(state.max_iterations, static_cast<size_t>(bench.repetitions));
    const Status done = bench.run(context, state);
    if (done) return;
    failed = done.error();
    state.SkipWithError(failed->message.c_str());
  });
  registered->Unit(bench.unit)->Repetitions(bench.repetitions);
  const int64_t factor = environment.thorough ? bench.thorough_factor : 1;
  if (bench.iterations > 0) {
    registered->Iterations(bench.iterations * factor);
  } else {
    registered->MinTime(bench.min_time.count() * static_cast<double>(factor));
  }
  if (bench.manual_time) {
    registered->UseManualTime();
  } else {
    registered->UseRealTime();
  }
  Capture capture;
  benchmark::RunSpecifiedBenchmarks(&capture, ".");
  benchmark::ClearRegisteredBenchmarks();
  if (failed) return std::unexpected(*failed);
  std::vector<const Trial*> trials;
  for (const auto& trial : context.trials()) trials.push_back(trial.get());
  return MeasuredRow(bench, capture.repetitions, trials);
}

Json RowOf(const Bench& bench, const Result<Json>& measured) {
  return measured ? *measured : BrokenRow(bench.id, bench.what, measured.error());
}

// The child's work: its row goes to `output` as text.
int MeasureInChild(const Bench& bench, const Environment& environment, const cgroup::Cgroup* group,
                   const Fd& output) {
  auto text = DumpJson(RowOf(bench, Measure(bench, environment, group)));
  if (!text) text = DumpJson(BrokenRow(bench.id, bench.what, text.error()));
  return text && WriteAll(output.get(), *text, "the row") ? 0 : 1;
}

Seconds BudgetOf(const Bench& bench, const Environment& environment) {
  return environment.thorough ? bench.budget * static_cast<double>(bench.thorough_factor)
                              : bench.budget;
}

// What a benchmark that was killed could not remove itself: groups that it made in the capsule.
void Sweep(const Environment& environment) {
  if (environment.capsule == nullptr) return;
  const auto names = environment.capsule->Children();
  if (!names) return;
  for (const std::string& name : *names) {
    if (const auto left = environment.capsule->OpenChild(name)) (void)left->Destroy();
  }
}

Result<Json> RunInProcess(const Bench& bench, const Environment& environment) {
  std::shared_ptr<void> around;
  if (bench.around) around = TRY(bench.around(environment));
  std::optional<Nest> nest;
  if (bench.place.depth > 0) {
    nest.emplace(TRY(Nest::Make(*environment.capsule, "bench", bench.place.depth,
                                bench.place.controllers, bench.place.knobs)));
  }
  const cgroup::Cgroup* group = nest ? &nest->leaf() : nullptr;
  const Fd output = TRY(MemoryFile("nodeproof-row", /*inherited=*/false));
  cgroup::Process process =
      TRY(cgroup::Process::Spawn({.name = "nodeproof-bench", .group = group}, [&] {
        return MeasureInChild(bench, environment, group, output);
      }));
  const Result<cgroup::Exit> exit = process.Wait(BudgetOf(bench, environment));
  if (exit != cgroup::Exit{}) {
    process.Kill();
    Sweep(environment);
    return exit ? Fail("its process ended: {}", exit->ToString()) : std::unexpected(exit.error());
  }
  if (::lseek(output.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "rewind the row");
  return ParseJson(TRY(ReadAll(output.get(), "the row")), "the row");
}

Result<Json> RunChecked(const Bench& bench, Environment& environment) {
  TRY(CheckNeeds(bench, environment));
  if (bench.measure) return bench.measure(bench, environment);
  return RunInProcess(bench, environment);
}

}  // namespace

Json RunBench(const Bench& bench, Environment& environment) {
  return RowOf(bench, RunChecked(bench, environment));
}

}  // namespace nodeproof::bench
