// `nodeproof run` and `nodeproof bench`: choose a node, have the agent run the claims or the
// benchmarks there, keep the results.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>

#include "cli/catalog.h"
#include "cli/collector.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/interrupt.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "cli/run_loop.h"
#include "cli/run_options.h"
#include "cli/run_record.h"
#include "cli/shape_choice.h"
#include "cli/undecided.h"
#include "cli/version.h"
#include "harness/base/file.h"
#include "reports/reports.h"

namespace nodeproof::cli {
namespace {

// Makes the folder and proves that it can be written, before anything else takes time.
Status PrepareOut(const std::filesystem::path& out) {
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error || ::access(out.c_str(), W_OK | X_OK) != 0) {
    return std::unexpected(
        Error{fmt::format("--out {}: {}", out.string(),
                          error ? error.message() : "the folder cannot be written"),
              "choose a folder that you can write", 0});
  }
  return {};
}

// "20261121T201500Z-3f2a": sortable, and different for two runs in one second.
std::string RunId(const std::string& started) {
  std::string id;
  for (const char c : started) {
    if (c != '-' && c != ':') id += c;
  }
  return fmt::format("{}-{:04x}", id, std::random_device()() & 0xffff);
}

// Whether they are worth nothing without a hierarchy to make groups in: claims always.
bool NeedCgroups(const std::vector<const CatalogEntry*>& entries) {
  return std::ranges::all_of(entries, &CatalogEntry::needs_cgroups);
}

// The claims on the shapes that they need, or all on the one shape of a node that is fixed.
Result<WorkPlan> PlanFor(const ChosenNode& chosen, const std::vector<const CatalogEntry*>& claims,
                         int repeat, node::Lane lane) {
  if (chosen.shapes != nullptr) return PlanWork(claims, repeat, MostCpusOfAGuest(), lane);
  return WorkPlan{PlanWorkOn(chosen.shape, claims, repeat), {}};
}

int CountRows(const results::Results& results, std::string_view status) {
  return static_cast<int>(std::ranges::count_if(
      results.benchmarks, [&](const Json& row) { return row.value("status", "") == status; }));
}

class Run {
 public:
  Run(const RunOptions& options, const std::vector<std::string>& argv, reports::KnownList known)
      : options_(options), known_(std::move(known)) {
    results_.run.started = WallClockRfc3339();
    results_.run.id = RunId(results_.run.started);
    results_.run.seed = options.seed;
    results_.run.argv = argv;
    results_.run.version = kVersion;
    results_.run.lane = options.lane;
    results_.run.repeat = options.repeat;
    results_.run.control = !options.no_control;
  }

  Result<int> Execute(const std::vector<const CatalogEntry*>& claims) {
    std::optional<RunRecord> record;
    if (!options_.out.empty()) {
      TRY(PrepareOut(options_.out));
      record.emplace(TRY(RunRecord::Create(StateDirectory(), options_.out)));
    }
    const node::RunRequest request = TRY(MakeRequest(options_));
    const Fd interrupt = TRY(InterruptFd());
    ChosenNode chosen = TRY(MakeNode(options_, NeedCgroups(claims)));

    std::FILE* stream = options_.json ? stderr : stdout;
    Progress progress(stream, ::isatty(::fileno(stream)) != 0, MonotonicClock());
    if (!chosen.why.empty()) progress.Note(chosen.why);
    WorkPlan plan = TRY(PlanFor(chosen, claims, options_.repeat, request.lane));
    Collector collector(results_, std::move(plan.work), progress, [this] { SaveInTurn(); });
    for (const std::string& note : plan.notes) collector.OnEvent(node::NoteEvent(note));
    // Not sooner: a run that cannot start must lose nothing.
    if (!options_.out.empty()) RemoveReports(options_.out);
    Save();
    RunLoop loop(chosen, collector, progress, options_.out, interrupt.get());
    if (const Status done = loop.RunAll(request); !done) {
      if (done.error().code == EINTR) return Interrupted();
      Save();
      return std::unexpected(OrNotSaved(done.error()));
    }
    if (const Status settled = Settle(claims, progress, interrupt); !settled) {
      if (settled.error().code == EINTR) return Interrupted();
      collector.AddNote("the deterministic lane could not decide what is inconclusive: " +
                        settled.error().ToString());
    }
    return Finish();
  }

 private:
  // Has the deterministic lane decide what a busy machine left inconclusive: on the shape that the
  // claim had, and what is open there too on the one that repeats exactly.
  Status Settle(const std::vector<const CatalogEntry*>& claims, Progress& progress,
                const Fd& interrupt) {
    TRY(SettleOn(node::Lane::kRealtime, claims, progress, interrupt));
    return SettleOn(node::Lane::kDeterministic, claims, progress, interrupt);
  }

  // On the shapes of that lane.
  Status SettleOn(node::Lane shapes, const std::vector<const CatalogEntry*>& claims,
                  Progress& progress, const Fd& interrupt) {
    const auto undecided = Undecided(results_, claims);
    if (undecided.empty()) return {};
    progress.Note(fmt::format("{} inconclusive claim{} to be decided in the deterministic lane{}",
                              undecided.size(), undecided.size() == 1 ? "" : "s",
                              shapes == node::Lane::kDeterministic ? ", on one CPU" : ""));
    RunOptions options = options_;
    options.lane = "deterministic";
    options.repeat = 1;
    ChosenNode chosen = TRY(MakeNode(options, true));
    results::Results decided;
    Collector collector(decided, TRY(PlanFor(chosen, undecided, 1, shapes)).work, progress, [] {});
    RunLoop loop(chosen, collector, progress, "", interrupt.get());
    TRY(loop.RunAll(TRY(MakeRequest(options))));
    TakeDecided(decided, results_);
    return {};
  }

  std::unexpected<Error> Interrupted() {
    results_.run.notes.push_back("interrupted");
    Save();
    const size_t finished = results_.claims.size() + results_.benchmarks.size();
    const bool kept = saved_ && !options_.out.empty();
    return std::unexpected(OrNotSaved(
        Error{fmt::format("interrupted after {} finished {}{}", finished,
                          options_.benchmarks ? "benchmark" : "claim", finished == 1 ? "" : "s"),
              kept ? fmt::format("they are kept in {}", options_.out) : "", EINTR}));
  }

  // What ended the run, and that its results are lost where that is so.
  Error OrNotSaved(Error error) const {
    if (saved_) return error;
    if (!error.hint.empty()) error.hint += "; ";
    error.hint += "the last results are not saved: " + saved_.error().ToString();
    return error;
  }

  // After each result, unless that took more than a twentieth of the time: a file of many
  // repetitions takes seconds to write, which the node that is measured would feel. What a signal
  // cuts short is saved whole; only what cannot be caught loses the results since the last save.
  void SaveInTurn() {
    constexpr int kShare = 20;
    reports::MarkKnown(known_, results_);
    const Nanoseconds begun = MonotonicClock().Now();
    if (begun < next_save_) return;
    Save();
    const Nanoseconds ended = MonotonicClock().Now();
    next_save_ = ended + (ended - begun) * kShare;
  }

  // A report that cannot be written must not end the measurement; the last attempt tells.
  void Save() {
    reports::MarkKnown(known_, results_);
    results_.run.duration_s = Seconds(MonotonicClock().Now() - begun_).count();
    if (options_.out.empty()) return;
    const auto text = results::Serialize(results_);
    saved_ = text ? WriteFileAtomic(std::filesystem::path(options_.out) / "results.json", *text)
                  : Status(std::unexpected(text.error()));
  }

  Result<int> Finish() {
    results_.run.complete = true;
    Save();
    if (!options_.out.empty()) {
      TRY(reports::WriteReports(options_.out, results_, options_.strict));
    } else {
      TRY(saved_);
    }
    if (options_.json) {
      fmt::print("{}\n", TRY(results::Serialize(results_)));
    } else if (options_.benchmarks) {
      fmt::print("\n{} measured, {} unsupported, {} in error\n", CountRows(results_, "measured"),
                 CountRows(results_, "unsupported"), CountRows(results_, "error"));
    } else {
      const auto colour =
          ::isatty(STDOUT_FILENO) != 0 ? reports::Colour::kYes : reports::Colour::kNo;
      fmt::print("\n{}", reports::RenderConsole(
                             options_.strict ? reports::Strict(results_) : results_, colour));
      if (!options_.out.empty()) {
        fmt::print("report: {}\n",
                   (std::filesystem::absolute(options_.out) / "report.html").string());
      }
    }
    if (CountRows(results_, "error") > 0) return kExitUndecided;
    return results::ExitStatus(results_, options_.strict);
  }

  const RunOptions& options_;
  const reports::KnownList known_;
  results::Results results_;
  Nanoseconds begun_ = MonotonicClock().Now();
  Nanoseconds next_save_{0};
  Status saved_;
};

Result<int> RunClaims(const RunOptions& options, const std::vector<std::string>& argv) {
  const Catalog catalog = TRY(Catalog::Load());
  const auto claims = TRY(catalog.Select(options.globs));
  return Run(options, argv, TRY(LoadKnown(options.known))).Execute(claims);
}

Result<int> RunBenchmarks(RunOptions options, const std::vector<std::string>& argv) {
  const Catalog catalog = TRY(Catalog::LoadBenchmarks());
  std::vector<std::string> ids;
  for (const CatalogEntry& entry : catalog.entries()) ids.push_back(entry.id);
  const auto benchmarks = TRY(catalog.Select(BenchGlobs(options, ids)));
  if (!options.list) return Run(options, argv, {}).Execute(benchmarks);
  Json list = Json::array();
  for (const CatalogEntry* entry : benchmarks) {
    list.push_back(entry->json);
    if (!options.json) fmt::print("{:<40} {}\n", entry->id, entry->statement);
  }
  if (options.json) fmt::print("{}\n", TRY(DumpJson({{"benchmarks", std::move(list)}}, 2)));
  return kExitOk;
}

}  // namespace

Command AddBenchCommand(CLI::App& app, const std::vector<std::string>& argv) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("bench", "Run benchmarks and the interference matrix.");
  AddBenchOptions(*command, *options);
  return [options, argv] { return RunBenchmarks(*options, argv); };
}

Command AddRunCommand(CLI::App& app, const std::vector<std::string>& argv) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run claims and give verdicts.");
  AddRunOptions(*command, *options);
  return [options, argv] { return RunClaims(*options, argv); };
}

}  // namespace nodeproof::cli
