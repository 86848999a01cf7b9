// A run judged by a profile, from its stored samples, without running anything again.
#pragma once

#include <string>
#include <vector>

#include "harness/results/results.h"
#include "reports/judge/profile.h"

namespace nodeproof::reports {

enum class Outcome {
  kPass,
  kFail,
  kUnclear,      // the interval lies across the bound, or there is no verdict to rely on
  kNotMeasured,  // nothing matched; fails nothing unless the rule requires it
};
std::string_view ToString(Outcome outcome);  // "pass", "fail", "unclear", "not measured"

struct Judged {
  std::string rule;
  std::string subject;   // the claim or benchmark, or the pattern that matched nothing
  std::string quantity;  // "share of B by usage_usec, mean", or "verdict"
  std::string found;     // "0.700 [0.694, 0.706]", "violated"
  std::string demanded;  // "≤ 1000 us"
  std::string why;
  Outcome outcome = Outcome::kPass;
  std::string note;  // why it is unclear
};

struct Judgement {
  std::string profile;
  std::string description;
  std::string node;
  std::vector<Judged> lines;

  int Count(Outcome outcome) const;
  // 1 a demand failed, else 3 one is unclear or a required one was not measured, else 0.
  int ExitStatus() const;
};

// A known violation fails only when `strict`.
Judgement Judge(const results::Results& results, const Profile& profile, bool strict);

enum class JudgeFormat { kText, kMarkdown, kJson };
Result<JudgeFormat> ParseJudgeFormat(std::string_view text);  // "text", "markdown", "json"
Result<std::string> Render(JudgeFormat format, const Judgement& judgement);

// A quantile of `samples` with its distribution-free interval: the order statistics between which
// it lies with 99 % (binomial). Where there are too few samples for one side, that end is infinite.
results::Measurement QuantileInterval(std::vector<double> samples, double percent);

}  // namespace nodeproof::reports
