#include "reports/golden.h"

#include <gtest/gtest.h>

#include "harness/base/file.h"

namespace nodeproof::reports {
namespace {

bool update_golden = false;

}  // namespace

void UpdateGoldenFiles() { update_golden = true; }

void ExpectGolden(const std::string& file, const std::string& text) {
  const std::string path = NODEPROOF_SOURCE_DIR "/reports/testdata/" + file;
  if (update_golden) {
    ASSERT_TRUE(WriteFileAtomic(path, text));
  }
  const auto before = ReadFile(path);
  ASSERT_TRUE(before) << before.error().ToString();
  EXPECT_TRUE(*before == text) << path << " differs; look at what changed in git diff after\n  "
                               << "build/release/test/reports_test --update-golden";
}

}  // namespace nodeproof::reports
