#include "reports/arm_text.h"

#include "reports/printable.h"
#include "reports/quantity.h"

namespace nodeproof::reports {
namespace {

using results::Arm;
using results::Check;

void AddArm(const std::string& name, const Arm& arm, std::vector<std::string>& lines) {
  lines.push_back(fmt::format("{}: {}", name, Printable(arm.description)));
  for (const Check& check : arm.checks) {
    const Scale scale = ScaleOf(check);
    lines.push_back(fmt::format("  {}: measured {}, expected {}: {}", Printable(check.name),
                                MeasuredText(check, scale), ExpectedText(check.expected, scale),
                                ToString(check.finding)));
  }
  for (const results::LoadProof& load : arm.load) {
    lines.push_back(fmt::format("  load {}: {} of {} required", Printable(load.name),
                                AmountText(load.done, load.unit),
                                AmountText(load.required, load.unit)));
  }
  for (const std::string& note : arm.notes) lines.push_back("  note: " + Printable(note));
}

}  // namespace

std::vector<std::string> EvidenceLines(const results::Claim& claim) {
  std::vector<std::string> lines = {Printable(claim.statement),
                                    "source: " + Printable(claim.source)};
  if (claim.protected_arm) AddArm("protected", *claim.protected_arm, lines);
  if (claim.control_arm) AddArm("control", *claim.control_arm, lines);
  if (!claim.no_control_reason.empty()) {
    lines.push_back("no control arm: " + Printable(claim.no_control_reason));
  }
  if (claim.known) {
    lines.push_back(fmt::format("known violation: {} ({})", Printable(claim.known->evidence),
                                Printable(claim.known->reference)));
  }
  return lines;
}

}  // namespace nodeproof::reports
