// `nodeproof gate`: boots two kernels in turn and says whether the second isolates worse.
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/catalog.h"
#include "cli/commands.h"
#include "cli/compare_command.h"
#include "cli/gate_boot.h"
#include "cli/interrupt.h"
#include "cli/paths.h"
#include "cli/run_options.h"
#include "cli/run_record.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/node/kernel_image.h"
#include "harness/node/kernel_modules.h"
#include "reports/compare/comparable.h"
#include "reports/compare/noise_floor.h"
#include "reports/compare/render.h"
#include "reports/compare/settle.h"
#include "reports/totals.h"

namespace nodeproof::cli {
namespace {

using results::Results;

struct GateOptions {
  std::vector<std::string> globs;
  std::string baseline;
  std::string candidate;
  std::vector<std::string> modules;
  std::vector<std::string> candidate_modules;
  bool aa = false;
  int repeat = 5;
  double budget_s = 1200;
  std::string out;
  bool no_control = false;
  std::string known;
  ThresholdOptions threshold;
  // Handed on to each run: option and value.
  std::vector<std::pair<std::string, std::string>> passed = {
      {"--lane", ""},  {"--shape", ""},  {"--cpus", ""}, {"--memory", ""},
      {"--accel", ""}, {"--driver", ""}, {"--seed", ""}, {"--timeout", ""}};
};

// No claim needs more boots of each kernel than this to show what it will.
constexpr int kMostBoots = 8;

enum class Side { kBaseline, kCandidate };

// By the facts of a node, of each of its shapes where it has some.
bool HasOneCpu(const Json& node) {
  const auto one = [](const Json& facts) {
    return facts.is_object() && facts.value(Json::json_pointer("/cpu/count"), 0) == 1;
  };
  const Json* shapes = node.is_object() && node.contains("shapes") ? &node["shapes"] : nullptr;
  return shapes != nullptr ? std::ranges::all_of(*shapes, one) : one(node);
}

class Gate {
 public:
  Gate(const GateOptions& options, std::string program, const Fd& interrupt)
      : options_(options), program_(std::move(program)), interrupt_(interrupt) {
    for (const auto& [name, value] : options.passed) {
      if (name == "--lane" && value == "deterministic") deterministic_ = true;
    }
  }

  // Baseline, candidate, candidate, baseline and so on, until every claim is settled or the next
  // boots would not fit into the budget. The first pair always runs.
  Result<int> Compare() {
    std::vector<std::string> claims = options_.globs;
    while (boots_[0].size() < kMostBoots) {
      TRY(BootPair(claims));
      if (RepeatsExactly()) break;
      if (boots_[0].size() % 2 == 1) {
        if (!Fits(2, claims)) break;
        continue;
      }
      claims = reports::Unsettled(TRY(Judge()), RepeatsExactly());
      if (claims.empty() || !Fits(4, claims)) break;
    }
    reports::Comparison comparison = TRY(Judge());
    const auto open = reports::Unsettled(comparison, RepeatsExactly());
    reports::DoubtUnsettled(comparison, RepeatsExactly());
    AddNotes(open, comparison);
    TRY(Write(comparison));
    fmt::print("\n{}", reports::RenderCompareText(comparison));
    return comparison.ExitStatus();
  }

  // Pairs of the baseline with itself.
  Result<int> CompareWithItself() {
    std::vector<Results>& boots = boots_[0];
    for (int repetition = 0; repetition < options_.repeat; ++repetition) {
      if (repetition > 0 && !Fits(2, options_.globs)) {
        fmt::print("note: the budget ends after {} of {} repetitions\n", repetition,
                   options_.repeat);
        break;
      }
      TRY(Boot(Side::kBaseline, options_.globs));
      TRY(Boot(Side::kBaseline, options_.globs));
    }
    const auto compare = TRY(MakeCompareOptions(options_.threshold, boots.front()));
    const reports::Noise noise = TRY(reports::MeasureNoise(boots, compare));
    const std::string text = reports::RenderNoiseText(noise);
    TRY(WriteOut("gate.txt", text));
    TRY(WriteOut("gate.md", reports::RenderNoiseMarkdown(noise)));
    TRY(WriteOut("noise-floor.json", TRY(reports::RenderNoiseJson(noise))));
    fmt::print("\n{}", text);
    if (noise.FalseRegressions() > 0) return 1;
    return noise.unsteady.empty() ? 0 : 3;
  }

 private:
  // Whether on one CPU another boot would give the same again (node::RepeatsExactly).
  bool RepeatsExactly() const {
    const auto has_one_cpu = [](const Results& boot) { return HasOneCpu(boot.node); };
    return deterministic_ && std::ranges::all_of(boots_[0], has_one_cpu) &&
           std::ranges::all_of(boots_[1], has_one_cpu);
  }

  Status BootPair(const std::vector<std::string>& claims) {
    const bool turned = boots_[0].size() % 2 == 1;
    TRY(Boot(turned ? Side::kCandidate : Side::kBaseline, claims));
    TRY(Boot(turned ? Side::kBaseline : Side::kCandidate, claims));
    return {};
  }

  std::vector<std::string> ArgumentsOf(Side side, const std::vector<std::string>& claims,
                                       const std::string& name) const {
    std::vector<std::string> arguments = claims;
    const auto add = [&](const std::string& option, const std::string& value) {
      if (!value.empty()) arguments.insert(arguments.end(), {option, value});
    };
    add("--node", "vm");
    add("--kernel", side == Side::kBaseline ? options_.baseline : options_.candidate);
    for (const auto& [option, value] : options_.passed) add(option, value);
    for (const std::string& module : options_.modules) add("--module", module);
    if (side == Side::kCandidate) {
      for (const std::string& module : options_.candidate_modules) add("--module", module);
    }
    add("--known", options_.known);
    if (options_.no_control) arguments.emplace_back("--no-control");
    if (!options_.out.empty()) {
      add("--out", (std::filesystem::path(options_.out) / "boots" / name).string());
    }
    return arguments;
  }

  Status Boot(Side side, const std::vector<std::string>& claims) {
    const char* word = side == Side::kBaseline ? "baseline" : "candidate";
    const std::string name = fmt::format("{:02}-{}", ++count_, word);
    fmt::print("boot {}, {}\n", count_, word);
    std::fflush(stdout);
    const LineSink show = [](std::string_view line) {
      fmt::print("  {}\n", line);
      std::fflush(stdout);
    };
    const Nanoseconds begun = MonotonicClock().Now();
    auto results = RunBoot(program_, ArgumentsOf(side, claims, name), show, interrupt_.get());
    if (!results) {
      if (results.error().code == EINTR) {
        return std::unexpected(
            Error{fmt::format("interrupted in boot {}", count_), KeptIn(), EINTR});
      }
      results.error().message = fmt::format("{}: {}", word, results.error().message);
      return std::unexpected(std::move(results).error());
    }
    double of_claims = 0;
    for (const results::Claim& claim : results->claims) {
      durations_[claim.id] = claim.duration_s;
      of_claims += claim.duration_s;
    }
    overhead_s_ = std::max(0.0, Seconds(MonotonicClock().Now() - begun).count() - of_claims);
    boots_[static_cast<size_t>(side)].push_back(std::move(*results));
    return {};
  }

  std::string KeptIn() const {
    return options_.out.empty() ? "" : fmt::format("finished boots are kept in {}", options_.out);
  }

  // Whether `boots` more boots with `claims` end within the budget, by how long they took before.
  bool Fits(int boots, const std::vector<std::string>& claims) const {
    double each = overhead_s_;
    for (const auto& [id, seconds] : durations_) {
      const bool asked = claims == options_.globs || std::ranges::find(claims, id) != claims.end();
      if (asked) each += seconds;
    }
    return Elapsed() + boots * each <= options_.budget_s;
  }

  double Elapsed() const { return Seconds(MonotonicClock().Now() - begun_).count(); }

  Result<reports::Comparison> Judge() const {
    const Results a = reports::MergeBoots(boots_[0]);
    const Results b = reports::MergeBoots(boots_[1]);
    const auto differences = reports::RunDifferences(a, b);
    if (!differences.empty()) {
      return std::unexpected(Error{
          fmt::format("the kernels did not run under the same conditions: {}", differences.front()),
          "give both the same, as with --cpus 1", 0});
    }
    const auto options = TRY(MakeCompareOptions(options_.threshold, a));
    reports::Comparison comparison = reports::Compare(a, b, options);
    comparison.a = reports::FactsOf(a, "baseline", "");
    comparison.b = reports::FactsOf(b, "candidate", "");
    comparison.notes = reports::ClaimDifferences(a, b);
    return comparison;
  }

  void AddNotes(const std::vector<std::string>& open, reports::Comparison& comparison) const {
    std::vector<std::string>& notes = comparison.notes;
    for (const std::string& module : options_.candidate_modules) {
      notes.push_back(fmt::format("the candidate carries the module {}", module));
    }
    notes.push_back(fmt::format("{} boot{} of each kernel, in turn, in {} of a budget of {}",
                                boots_[0].size(), boots_[0].size() == 1 ? "" : "s",
                                FormatDuration(Seconds(Elapsed())),
                                FormatDuration(Seconds(options_.budget_s))));
    if (RepeatsExactly()) {
      notes.emplace_back("deterministic lane: another boot would give the same again");
    }
    for (const std::string& id : open) notes.push_back("not settled: " + id);
  }

  Status Write(const reports::Comparison& comparison) const {
    TRY(WriteOut("gate.txt", reports::RenderCompareText(comparison)));
    TRY(WriteOut("gate.md", reports::RenderCompareMarkdown(comparison)));
    TRY(WriteOut("gate.json", TRY(reports::RenderCompareJson(comparison))));
    return WriteOut("gate.html", reports::RenderCompareHtml(comparison));
  }

  Status WriteOut(const char* name, const std::string& text) const {
    if (options_.out.empty()) return {};
    return WriteFileAtomic(std::filesystem::path(options_.out) / name, text);
  }

  const GateOptions& options_;
  const std::string program_;
  const Fd& interrupt_;
  bool deterministic_ = false;
  std::vector<Results> boots_[2];            // by Side
  std::map<std::string, double> durations_;  // of each claim, in the boot that ran it last
  double overhead_s_ = 0;                    // of the last boot
  int count_ = 0;
  const Nanoseconds begun_ = MonotonicClock().Now();
};

Status CheckUsage(const GateOptions& options) {
  if (options.aa) {
    if (!options.candidate.empty() || !options.candidate_modules.empty()) {
      return Fail("--aa compares the baseline with itself: give no candidate");
    }
    return {};
  }
  if (options.candidate.empty()) {
    return std::unexpected(Error{"--candidate is missing",
                                 "name the kernel to judge, or --aa to see the baseline's noise",
                                 0});
  }
  return {};
}

Status CheckKernel(const char* side, const std::string& kernel,
                   const std::vector<std::string>& modules) {
  const auto check = [&]() -> Status {
    const auto image = TRY(node::FindKernel(kernel, TRY(node::CacheDirectory())));
    TRY(node::ResolveModules(modules, image));
    return {};
  };
  Status checked = check();
  if (!checked) checked.error().message = fmt::format("{}: {}", side, checked.error().message);
  return checked;
}

// Both kernels and all modules, before any boot: the first may take minutes.
Status CheckKernels(const GateOptions& options) {
  TRY(CheckKernel("baseline", options.baseline, options.modules));
  if (options.aa) return {};
  std::vector<std::string> modules = options.modules;
  modules.insert(modules.end(), options.candidate_modules.begin(), options.candidate_modules.end());
  return CheckKernel("candidate", options.candidate, modules);
}

Result<int> RunGate(GateOptions options) {
  if (options.candidate.empty() && !options.candidate_modules.empty()) {
    options.candidate = options.baseline;
  }
  TRY(CheckUsage(options));
  TRY(TRY(Catalog::Load()).Select(options.globs));
  TRY(CheckKernels(options));
  if (!options.out.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.out, error);
    if (error || ::access(options.out.c_str(), W_OK | X_OK) != 0) {
      return std::unexpected(
          Error{fmt::format("--out {}: {}", options.out,
                            error ? error.message() : "the folder cannot be written"),
                "choose a folder that you can write", 0});
    }
  }
  std::optional<RunRecord> record;
  if (!options.out.empty()) record.emplace(TRY(RunRecord::Create(StateDirectory(), options.out)));
  const Fd interrupt = TRY(InterruptFd());
  Gate gate(options, TRY(SelfPath()), interrupt);
  return options.aa ? gate.CompareWithItself() : gate.Compare();
}

}  // namespace

Command AddGateCommand(CLI::App& app) {
  const auto options = std::make_shared<GateOptions>();
  CLI::App* command = app.add_subcommand(
      "gate", "Boot two kernels in turn and say whether the second isolates worse.");
  command->add_option("CLAIM", options->globs, "Claims to run, such as 'cpu.*' (default: all).");
  command
      ->add_option("--baseline", options->baseline,
                   "The kernel to compare with: a bzImage or a short name such as 6.1.")
      ->required();
  command->add_option("--candidate", options->candidate,
                      "The kernel that may be worse (default with a module: the baseline).");
  command
      ->add_option("--module", options->modules,
                   "Kernel module to load in both; may be repeated.")
      ->allow_extra_args(false);  // what follows are claims
  command
      ->add_option("--candidate-module", options->candidate_modules,
                   "Kernel module to load in the candidate only; may be repeated.")
      ->allow_extra_args(false);
  command->add_flag("--aa", options->aa,
                    "Compare the baseline with itself: false positives and noise floors.");
  command->add_option("--repeat", options->repeat, "Repetitions of --aa (default: 5).")
      ->transform(WholeNumber())
      ->check(CLI::Range(1, 1000));
  command
      ->add_option(
          "--budget", options->budget_s,
          "Seconds after which no boot begins (default: 1200); the first pair always runs.")
      ->check(CLI::Range(1.0, 604800.0));
  command->add_option(
      "--out", options->out,
      "Folder for gate.txt, gate.md, gate.json, gate.html and each boot's results.");
  for (auto& [name, value] : options->passed) {
    CLI::Option* option = command->add_option(name, value, "As in `nodeproof run`.");
    if (name == "--seed" || name == "--cpus") option->transform(WholeNumber());
  }
  command->add_flag("--no-control", options->no_control, "As in `nodeproof run`.");
  command->add_option("--known", options->known, "As in `nodeproof run`.");
  AddThresholdOptions(*command, options->threshold);
  command->footer(
      "Exit status: 0 the candidate isolates no worse, 1 it does, 2 it could not run, 3 nothing "
      "got\n"
      "worse but something was not settled. With --aa: 0 no false regression, 1 some, 3 verdicts\n"
      "that were not the same in every boot.");
  return [options] { return RunGate(*options); };
}

}  // namespace nodeproof::cli
