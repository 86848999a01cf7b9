#include "cli/progress.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace nodeproof::cli {
namespace {

results::Claim Held() {
  results::Claim claim;
  claim.id = "cpu.max.ceiling";
  claim.verdict = results::Verdict::kHolds;
  claim.duration_s = 8.1;
  claim.protected_arm.emplace();
  claim.protected_arm->checks = {{"CPUs used",
                                  {0.5, results::Relation::kWithin, 0.02, "cpus"},
                                  {0.501, 0.499, 0.503, {0.5}},
                                  results::Finding::kInside}};
  return claim;
}

std::string Shown(bool live) {
  char* buffer = nullptr;
  size_t size = 0;
  std::FILE* stream = ::open_memstream(&buffer, &size);
  {
    FakeClock clock;
    Progress progress(stream, live, clock);
    progress.ClaimStarted("cpu.max.ceiling", 1, 2);
    progress.Windows("protected", 3);
    clock.Advance(std::chrono::seconds(9));
    progress.ClaimFinished(Held());
    progress.ClaimStarted("cpuset.pinned", 2, 2);
  }
  std::fclose(stream);
  const std::string text(buffer, size);
  ::free(buffer);
  return text;
}

TEST(Progress, OneLineAClaimWhenNobodyWatches) {
  EXPECT_EQ(Shown(false),
            "holds        cpu.max.ceiling          8.1 s  CPUs used 0.501 (0.499 … 0.503), "
            "expected about 0.5\n");
}

TEST(Progress, ALiveLineWithTheTimeLeftOnATerminal) {
  const std::string text = Shown(true);
  EXPECT_NE(text.find("[1/2] cpu.max.ceiling: protected arm, window 3"), std::string::npos);
  EXPECT_NE(text.find("[2/2] cpuset.pinned, about 9.0 s left"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\x1b[K"));  // nothing of it stays
}

TEST(ClaimLine, GivesTheReasonWhenThereIsOne) {
  results::Claim claim = Held();
  claim.verdict = results::Verdict::kUnsupported;
  claim.reason = "controller hugetlb is missing";
  claim.iteration = 2;
  EXPECT_EQ(ClaimLine(claim),
            "unsupported  cpu.max.ceiling          8.1 s  (repetition 2)  controller hugetlb is "
            "missing");
}

}  // namespace
}  // namespace nodeproof::cli
