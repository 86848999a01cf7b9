#include "conformance/runner.h"

#include "conformance/verdict.h"

namespace nodeproof::conformance {
namespace {

// Adds what the kernel showed to `evidence`, whatever becomes of it.
ArmOutcome RunArm(const Claim& claim, const Environment& environment, ArmRole role,
                  std::vector<results::Evidence>& evidence) {
  ArmContext context(environment, claim, role);
  const Nanoseconds begun = environment.clock->Now();
  ArmOutcome arm = claim.measure(context);
  if (arm) {
    arm->duration_s = Seconds(environment.clock->Now() - begun).count();
    arm->series = context.recorder().TakeSeries();
  }
  const char* name = role == ArmRole::kProtected ? "protected" : "control";
  for (results::Evidence& shown : context.recorder().TakeEvidence()) {
    evidence.push_back({fmt::format("{} arm: {}", name, shown.title), std::move(shown.text)});
  }
  return arm;
}

bool NeedsLookingInto(results::Verdict verdict) {
  return verdict == results::Verdict::kViolated || verdict == results::Verdict::kInconclusive ||
         verdict == results::Verdict::kError;
}

// The arm as results.json shows it: one that ended in an error has no entry.
std::optional<results::Arm> Shown(const std::optional<ArmOutcome>& arm) {
  if (!arm || !*arm) return std::nullopt;
  return **arm;
}

}  // namespace

Status CheckNeeds(const Claim& claim, const Environment& environment) {
  const Needs& needs = claim.needs;
  if (environment.lane == node::Lane::kDeterministic && needs.realtime) {
    return Unsupported("the deterministic lane cannot run it: {}", needs.why_realtime);
  }
  for (const std::string& controller : needs.controllers) {
    TRY(environment.capsule->Require(controller));
  }
  if (needs.whole_node && !environment.owns_node) {
    return Unsupported("it may run in a VM only, because {}", needs.why_whole_node);
  }
  const std::string shortcoming = Shortcoming(needs.layout(), LayoutOf(environment.topology));
  if (!shortcoming.empty()) {
    const std::string& why = environment.why_no_cxl;
    if (needs.cxl_nodes == 0 || why.empty()) return Unsupported("{}", shortcoming);
    return Unsupported("{}: {}", shortcoming, why);
  }
  if (environment.memory < needs.memory) {
    return Unsupported("it needs {} of memory, the node has {}", FormatBytes(needs.memory),
                       FormatBytes(environment.memory));
  }
  if (needs.scratch && !environment.scratch) {
    return Unsupported("it needs a scratch file system on a disk: {}", environment.why_no_scratch);
  }
  return {};
}

results::Claim RunClaim(const Claim& claim, const Environment& environment,
                        const RunOptions& options) {
  results::Claim result;
  result.id = claim.id;
  result.statement = claim.statement;
  result.source = claim.source;
  result.iteration = options.iteration;
  result.no_control_reason = claim.no_control_reason;

  if (const auto met = CheckNeeds(claim, environment); !met) {
    result.verdict = results::Verdict::kUnsupported;
    result.reason = met.error().ToString();
    return result;
  }
  const Nanoseconds begun = environment.clock->Now();
  std::vector<results::Evidence> evidence;
  const ArmOutcome protected_arm = RunArm(claim, environment, ArmRole::kProtected, evidence);
  std::optional<ArmOutcome> control;
  if (claim.no_control_reason.empty()) {
    const results::Verdict so_far = Decide(protected_arm, std::nullopt).verdict;
    if (!options.control) {
      result.no_control_reason = "left out with --no-control";
    } else if (so_far == results::Verdict::kHolds || so_far == results::Verdict::kViolated) {
      control = RunArm(claim, environment, ArmRole::kControl, evidence);
    } else {
      result.no_control_reason = "the protected arm alone left the claim undecided";
    }
  }
  const Judgement judgement = Decide(protected_arm, control);
  result.verdict = judgement.verdict;
  result.reason = judgement.reason;
  if (NeedsLookingInto(result.verdict)) result.evidence = std::move(evidence);
  result.protected_arm = Shown(protected_arm);
  result.control_arm = Shown(control);
  result.duration_s = Seconds(environment.clock->Now() - begun).count();
  return result;
}

}  // namespace nodeproof::conformance
