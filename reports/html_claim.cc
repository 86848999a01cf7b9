#include "reports/html_claim.h"

#include "harness/base/units.h"
#include "reports/html_band.h"
#include "reports/html_record.h"
#include "reports/quantity.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Arm;
using results::Check;
using results::Claim;
using results::Finding;
using results::Verdict;

enum class Side { kProtected, kControl };

// What a finding means in its arm: in the control arm the deciding check must not hold, and what
// the others show is for the reader.
std::string Meaning(Finding finding, Side side, bool deciding) {
  const bool control = side == Side::kControl && deciding;
  switch (finding) {
    case Finding::kInside:
      return control ? "inside the band without the protection" : "inside the band";
    case Finding::kOutside:
      return control ? "outside the band, as it must be" : "outside the band";
    case Finding::kUnclear:
      return "across the band's edge";
  }
  return "";
}

const char* ToneOf(Finding finding, Side side, bool deciding) {
  if (side == Side::kControl && !deciding) return "faint";
  if (finding == Finding::kUnclear) return "unclear";
  const bool good = (finding == Finding::kInside) == (side == Side::kProtected);
  return good ? "good" : "bad";
}

// Three cells: measured, expected, control, for a row that can be read without opening it.
void AddRowCells(const Claim& claim, HtmlWriter& page) {
  const Check* check = DecidingCheck(claim.protected_arm);
  const Check* control = DecidingCheck(claim.control_arm);
  std::string measured;
  std::string expected;
  std::string beside;
  if (check != nullptr) {
    const Scale scale = ScaleOf(*check, control);
    measured = MeasuredText(*check, scale);
    expected = ExpectedText(check->expected, scale);
    if (!claim.no_control_reason.empty()) beside = "none";
    if (control != nullptr) beside = MeasuredText(*control, ScaleOf(*control, check));
  }
  page.Element("span", {{"class", "num"}}, measured);
  page.Element("span", {{"class", "num"}}, expected);
  page.Element("span", {{"class", "num faint"}}, beside);
}

void AddSampleNote(const Check& check, HtmlWriter& page) {
  const size_t count = check.measured.samples.size();
  if (count == 0) return;
  page.Element("span", {{"class", "faint"}},
               fmt::format(" · {} sample{}", count, count == 1 ? "" : "s"));
}

// `twin` is the other arm's check of the same quantity, shown in the same unit.
void AddCheck(const Check& check, const Check* twin, Side side, bool deciding, HtmlWriter& page) {
  const Scale scale = ScaleOf(check, twin);
  const std::string measured = MeasuredText(check, scale);
  const std::string expected = ExpectedText(check.expected, scale);
  page.Open("div", {{"class", "check"}});
  page.Element("div", {{"class", "quantity"}}, check.name);
  page.Open("div", {{"class", "figures"}});
  page.Element("b", {{"class", "num"}}, measured);
  page.Text(" expected ");
  page.Element("span", {{"class", "num"}}, expected);
  AddSampleNote(check, page);
  page.Close();
  if (WasMeasured(check)) {
    DrawBand(check, AxisOf(check, twin), scale,
             fmt::format("measured {}, expected {}", measured, expected), page);
  }
  page.Element("div", {{"class", std::string("finding ") + ToneOf(check.finding, side, deciding)}},
               WasMeasured(check) ? Meaning(check.finding, side, deciding) : "no usable window");
  page.Close();
}

void AddLoad(const std::vector<results::LoadProof>& loads, HtmlWriter& page) {
  if (loads.empty()) return;
  page.Open("table", {{"class", "load"}});
  page.Open("tr");
  for (const char* head : {"load", "done", "required", ""}) page.Element("th", {}, head);
  page.Close();
  for (const results::LoadProof& load : loads) {
    const bool reached = load.done >= load.required;
    page.Open("tr");
    page.Element("td", {}, load.name);
    page.Element("td", {{"class", "num"}}, AmountText(load.done, load.unit));
    page.Element("td", {{"class", "num"}}, AmountText(load.required, load.unit));
    page.Element("td", {{"class", reached ? "good" : "bad"}}, reached ? "reached" : "not reached");
    page.Close();
  }
  page.Close();
}

void AddTree(const std::vector<results::TreeEntry>& tree, HtmlWriter& page) {
  if (tree.empty()) return;
  page.Open("table", {{"class", "tree"}});
  page.Open("tr");
  page.Element("th", {}, "cgroup");
  page.Element("th", {}, "knobs, as the kernel read them back");
  page.Close();
  for (const results::TreeEntry& entry : tree) {
    page.Open("tr");
    page.Open("td");
    page.Element("code", {}, entry.path.empty() ? "capsule" : entry.path);
    page.Close();
    page.Open("td");
    for (const auto& [file, value] : entry.knobs) {
      page.Open("span", {{"class", "knob"}});
      page.Element("code", {}, file + " = " + value);
      page.Close();
      page.Text(" ");
    }
    page.Close();
    page.Close();
  }
  page.Close();
}

void AddArm(const Arm& arm, const std::optional<Arm>& other, Side side, HtmlWriter& page) {
  page.Open("section", {{"class", "arm"}});
  page.Open("h4");
  page.Text(side == Side::kProtected ? "Protected" : "Control");
  page.Element("span", {{"class", "faint"}},
               fmt::format(" {}", FormatDuration(Seconds(arm.duration_s))));
  page.Close();
  page.Element("p", {{"class", "description"}}, arm.description);
  if (arm.checks.empty()) page.Element("p", {{"class", "faint"}}, "No measurement was taken.");
  for (size_t i = 0; i < arm.checks.size(); ++i) {
    const bool twin = other && i < other->checks.size() &&
                      other->checks[i].name == arm.checks[i].name &&
                      other->checks[i].expected.unit == arm.checks[i].expected.unit;
    AddCheck(arm.checks[i], twin ? &other->checks[i] : nullptr, side, i == 0, page);
  }
  AddLoad(arm.load, page);
  AddCharts(arm.series, page);
  AddTree(arm.tree, page);
  for (const std::string& note : arm.notes) page.Element("p", {{"class", "note"}}, note);
  page.Close();
}

void AddArms(const Claim& claim, HtmlWriter& page) {
  page.Open("div", {{"class", "arms"}});
  if (claim.protected_arm) {
    AddArm(*claim.protected_arm, claim.control_arm, Side::kProtected, page);
  }
  if (claim.control_arm) {
    AddArm(*claim.control_arm, claim.protected_arm, Side::kControl, page);
  } else if (!claim.no_control_reason.empty()) {
    page.Open("section", {{"class", "arm"}});
    page.Element("h4", {}, "No control arm");
    page.Element("p", {}, claim.no_control_reason);
    page.Close();
  }
  page.Close();
}

}  // namespace

std::string AnchorOf(const Claim& claim) {
  return claim.iteration == 1 ? claim.id : fmt::format("{}~{}", claim.id, claim.iteration);
}

void AddVerdictChip(const Claim& claim, HtmlWriter& page) {
  const std::string verdict(ToString(claim.verdict));
  page.Element("span", {{"class", "chip " + verdict}}, verdict);
  if (claim.known) page.Element("span", {{"class", "chip known"}}, "known");
}

void AddClaim(const Claim& claim, HtmlWriter& page) {
  const bool attention = claim.verdict == Verdict::kViolated ||
                         claim.verdict == Verdict::kInconclusive ||
                         claim.verdict == Verdict::kError;
  if (attention) {
    page.Open("details", {{"class", "claim"}, {"open", ""}});
  } else {
    page.Open("details", {{"class", "claim"}});
  }
  page.Open("summary");
  page.Open("span");
  AddVerdictChip(claim, page);
  page.Close();
  page.Open("span", {{"class", "id"}});
  page.Name(NameOf(claim));
  page.Close();
  AddRowCells(claim, page);
  page.Element("span", {{"class", "num faint"}}, FormatDuration(Seconds(claim.duration_s)));
  page.Close();
  page.Open("div", {{"class", "body"}, {"id", AnchorOf(claim)}});
  page.Element("p", {{"class", "statement"}}, claim.statement);
  page.Element("p", {{"class", "source"}}, "Source: " + claim.source);
  if (!claim.shape.empty()) {
    page.Element("p", {{"class", "source"}}, "Ran on the VM shape " + claim.shape + ".");
  }
  if (const std::string reason = ReasonOf(claim); !reason.empty()) {
    page.Element("p", {{"class", "reason " + std::string(ToString(claim.verdict))}}, reason);
  }
  if (claim.known) {
    page.Element("p", {{"class", "note"}},
                 fmt::format("Known violation: {} Reference: {}", claim.known->evidence,
                             claim.known->reference));
  }
  AddArms(claim, page);
  AddEvidence(claim.evidence, page);
  page.Close();
  page.Close();
}

}  // namespace nodeproof::reports
