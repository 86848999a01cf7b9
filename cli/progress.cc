#include "cli/progress.h"

#include "harness/base/units.h"

namespace nodeproof::cli {
namespace {

std::string Measured(const results::Check& check) {
  const auto& m = check.measured;
  const std::string interval =
      m.low == m.high ? "" : fmt::format(" ({:.4g} … {:.4g})", m.low, m.high);
  return fmt::format("{} {:.4g}{}, expected {} {:.4g}", check.name, m.estimate, interval,
                     check.expected.relation == results::Relation::kWithin
                         ? "about"
                         : results::ToString(check.expected.relation),
                     check.expected.value);
}

}  // namespace

std::string ClaimLine(const results::Claim& claim) {
  std::string line = fmt::format("{:<12} {:<24} {}", results::ToString(claim.verdict), claim.id,
                                 FormatDuration(Seconds(claim.duration_s)));
  if (claim.iteration > 1) line += fmt::format("  (repetition {})", claim.iteration);
  if (claim.known) {
    const bool holds = claim.verdict == results::Verdict::kHolds;
    line += holds ? "  (a known violation, but it holds here)" : "  (known)";
  }
  if (!claim.reason.empty()) {
    line += "  " + claim.reason;
  } else if (claim.protected_arm && !claim.protected_arm->checks.empty()) {
    line += "  " + Measured(claim.protected_arm->checks.front());
  }
  return line;
}

std::string BenchmarkLine(const Json& row) {
  std::string line = fmt::format("{:<40}", row.value("name", ""));
  if (row.value("status", "") != "measured") {
    return line + fmt::format(" {:<12} {}", row.value("status", ""), row.value("reason", ""));
  }
  if (row.contains("real_time")) {
    line +=
        fmt::format(" {:>10.4g} {}", row["real_time"].get<double>(), row.value("time_unit", ""));
  }
  if (row.contains("percentiles")) {
    for (const char* name : {"p50", "p99", "p999", "max"}) {
      line += fmt::format("  {} {:.4g}", name, row["percentiles"].value(name, 0.0));
    }
  }
  if (row.contains("quantities")) {
    for (const auto& [name, quantity] : row["quantities"].items()) {
      line += fmt::format("  {} {:.4g} {}", name, quantity.value("value", 0.0),
                          quantity.value("unit", ""));
    }
  }
  return line;
}

Progress::Progress(std::FILE* stream, bool live, const Clock& clock)
    : stream_(stream), live_(live), clock_(clock), started_(clock.Now()) {}

void Progress::EraseLine() {
  if (!live_) return;
  fmt::print(stream_, "\r\x1b[K");
  std::fflush(stream_);
}

std::string Progress::TimeLeft() const {
  if (finished_ == 0) return "";
  const Seconds each = Seconds(clock_.Now() - started_) / finished_;
  return fmt::format(", about {} left", FormatDuration(each * (total_ - finished_)));
}

void Progress::DrawLine() {
  if (!live_) return;
  EraseLine();
  fmt::print(stream_, "[{}/{}] {}{}{}", index_, total_, id_,
             arm_.empty() ? "" : fmt::format(": {} arm, window {}", arm_, windows_), TimeLeft());
  std::fflush(stream_);
}

void Progress::Note(std::string_view text) {
  EraseLine();
  fmt::print(stream_, "note: {}\n", text);
  std::fflush(stream_);
}

void Progress::ClaimStarted(std::string_view id, int index, int total) {
  id_ = id;
  arm_.clear();
  index_ = index;
  total_ = total;
  DrawLine();
}

void Progress::Windows(std::string_view arm, int windows) {
  arm_ = arm;
  windows_ = windows;
  DrawLine();
}

void Progress::ClaimFinished(const results::Claim& claim) {
  EraseLine();
  ++finished_;
  fmt::print(stream_, "{}\n", ClaimLine(claim));
  std::fflush(stream_);
}

void Progress::BenchmarkFinished(const Json& row) {
  EraseLine();
  ++finished_;
  fmt::print(stream_, "{}\n", BenchmarkLine(row));
  std::fflush(stream_);
}

}  // namespace nodeproof::cli
