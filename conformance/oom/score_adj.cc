// The oom_score_adj that each class of pod gets, and the score that the kernel makes of it.
#include <unistd.h>

#include "conformance/memory/steps.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/pods.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

// What /proc/<pid>/<file> says.
Result<int64_t> ReadOf(const cgroup::Process& process, const char* file) {
  const std::string text = TRY(ReadFile(fmt::format("/proc/{}/{}", process.pid(), file)));
  return ParseInt(Trim(text));
}

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
           .expected = "/proc/<pid>/oom_score_adj holds the values above, and oom_score falls from "
                       "besteffort to guaranteed.",
           .tolerance = "None: whole numbers.",
           .control = "Nothing is set: every process has that of its parent."},
      .measure = MeasureScoreAdj};
}

}  // namespace nodeproof::conformance
