// The oom_score_adj that each class of pod gets, and the score that the kernel makes of it.
#include <unistd.h>

#include "conformance/memory/machine_memory.h"
#include "conformance/memory/steps.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

// What /proc/<pid>/<file> says.
Result<int64_t> ReadOf(const cgroup::Process& process, const char* file) {
  const std::string text = TRY(ReadFile(fmt::format("/proc/{}/{}", process.pid(), file)));
  return ParseInt(Trim(text));
}

// A field of /proc/<pid>/status that is in kB; 0 where there is none.
Result<Bytes> StatusOf(const cgroup::Process& process, std::string_view key) {
  const std::string text = TRY(ReadFile(fmt::format("/proc/{}/status", process.pid())));
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.size() == 3 && words[0] == key) return KiB(TRY(ParseInt(words[1])));
  }
  return Bytes{0};
}

// The oom_score of a process with oom_score_adj `adj`: what it holds and `adj` thousandths of all
// memory and swap, from -1000 to 1000 thousandths of that, brought to 0 to 1333 (fs/proc/base.c,
// proc_oom_score(); mm/oom_kill.c, oom_badness(); Linux 5.9).
Result<double> ScoreByKernel(const cgroup::Process& process, int64_t adj) {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  const int64_t all = (TRY(MemInfo("MemTotal:")) + TRY(MemInfo("SwapTotal:"))).value / page;
  const Bytes held = TRY(StatusOf(process, "VmRSS:")) + TRY(StatusOf(process, "VmSwap:")) +
                     TRY(StatusOf(process, "VmPTE:"));
  const auto badness = static_cast<double>(held.value / page + adj * (all / 1000));
  return (1000 + badness * 1000 / static_cast<double>(all)) * 2 / 3;
}
// Three divisions are in whole numbers, each of which takes less than 1.
constexpr double kScoreTolerance = 2;

struct Case {
  std::string pod;
  int64_t expected = 0;
};

// kubepods ─┬─ guaranteed, burstable (1Gi and 8Gi - 1 of 8Gi), besteffort: a process each
Result<results::Arm> MeasureScoreAdj(ArmContext& context) {
  const bool is_protected = context.Protected();
  TRY(RequireLowOomScores());
  const std::vector<kubelet::Pod> pods = {MakePod("guaranteed", {{.cpu_request = "100m",
                                                                  .cpu_limit = "100m",
                                                                  .memory_request = "64Mi",
                                                                  .memory_limit = "64Mi"}}),
                                          MakePod("an-eighth", {{.memory_request = "1Gi"}}),
                                          MakePod("a-byte", {{.memory_request = "1"}}),
                                          MakePod("besteffort", {{}}),
                                          MakePod("most", {{.memory_request = "6900Mi"}})};
  // 1000 - 1000 x request / 8Gi in whole numbers; 3 … 999 for Burstable.
  const std::vector<Case> cases = {{"besteffort", 1000},
                                   {"a-byte", 999},
                                   {"an-eighth", 875},
                                   {"most", 158},
                                   {"guaranteed", -997}};
  kubelet::PlanOptions options;
  options.driver = context.environment().driver;
  const kubelet::Plan plan = TRY(kubelet::MakePlan(MemoryNode(), {}, pods, options));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods));

  results::Arm arm = DescribedArm(
      tree, is_protected ? "oom_score_adj as the kubelet sets it" : "oom_score_adj left alone");
  int64_t last_score = -1;
  int64_t out_of_order = 0;
  for (const Case& one : cases) {
    stress::AnonHog hog = TRY(stress::AnonHog::Start(
        {.name = one.pod,
         .group = TRY(tree.Container(one.pod, "main")),
         .target = MiB(1),
         .oom_score_adj =
             is_protected ? std::optional(TRY(OomScoreAdjOf(plan, one.pod))) : std::nullopt}));
    TRY(hog.AwaitFull(context.patience()));
    arm.checks.push_back(CountIs("oom_score_adj of " + one.pod, one.expected,
                                 TRY(ReadOf(hog.process(), "oom_score_adj"))));
    const int64_t score = TRY(ReadOf(hog.process(), "oom_score"));
    arm.checks.push_back(
        measure::ExactCheck("oom_score of " + one.pod,
                            {TRY(ScoreByKernel(hog.process(), one.expected)),
                             results::Relation::kWithin, kScoreTolerance, "thousandths"},
                            static_cast<double>(score)));
    out_of_order += last_score >= 0 && score > last_score;
    last_score = score;
    arm.load.push_back(BytesDone(one.pod, MiB(1), hog.Touched()));
  }
  arm.checks.push_back(CountIs("oom_score out of that order", 0, out_of_order));
  return arm;
}

}  // namespace

Claim OomScoreAdjValues() {
  return {
      .id = "oom.score-adj-values",
      .statement =
          "A container's processes have the oom_score_adj of their class and request, and "
          "the kernel's oom_score follows it.",
      .source = "pkg/kubelet/qos/policy.go, v1.36; Documentation/filesystems/proc.rst, 3.1, 3.2",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(128)},
      .explanation =
          {.tree = "kubepods ─┬─ pod guaranteed                -997\n"
                   "          ├─ burstable ─┬─ pod most        1000 - 1000 x 6900Mi/8Gi = 158\n"
                   "          │             ├─ pod an-eighth   1000 - 1000 x 1Gi/8Gi = 875\n"
                   "          │             └─ pod a-byte      999, never that of BestEffort\n"
                   "          └─ besteffort ── pod besteffort  1000",
           .load = "A process of 1M in each, with the value that the policy model plans.",
           .expected = "/proc/<pid>/oom_score_adj holds the values above. oom_score falls from "
                       "besteffort to guaranteed, and is (1000 + badness) x 2/3, where badness is "
                       "what the process holds in thousandths of all memory and swap, and "
                       "oom_score_adj.",
           .tolerance = "oom_score_adj and the order: none. oom_score: 2, for three divisions in "
                        "whole numbers; oom_score_adj that counted a tenth less would be 10 and "
                        "more.",
           .control = "Nothing is set: every process has that of its parent."},
      .measure = MeasureScoreAdj};
}

}  // namespace nodeproof::conformance
