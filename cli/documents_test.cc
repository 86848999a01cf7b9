#include "cli/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "harness/base/file.h"

namespace nodeproof::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Documents : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "nodeproof-documents-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& text) {
    const std::string path = folder_ + "/file.json";
    EXPECT_TRUE(WriteFileAtomic(path, text));
    return path;
  }
  std::string ErrorOf(const std::string& path) {
    const auto results = LoadResults(path);
    if (results) return "read";
    const std::string line = results.error().ToString();
    EXPECT_EQ(line.find_first_of("\n\x1b"), std::string::npos) << line;
    EXPECT_LT(line.size(), 600u);
    return line;
  }

  std::string folder_;
};

TEST_F(Documents, ReadsAResultsFile) {
  EXPECT_EQ(ErrorOf(NODEPROOF_SOURCE_DIR "/reports/testdata/mixed.json"), "read");
}

TEST_F(Documents, SaysOfEachBadFileWhatItIs) {
  EXPECT_THAT(ErrorOf(folder_ + "/none.json"), HasSubstr("No such file"));
  EXPECT_THAT(ErrorOf(folder_), HasSubstr("not a file"));
  EXPECT_THAT(ErrorOf("/dev/zero"), HasSubstr("/dev/zero: not a file"));
  EXPECT_THAT(ErrorOf(File("")), HasSubstr("cut short"));
  EXPECT_THAT(ErrorOf(File("{\"schema\": \"nodeproof.results/1\", \"run\": {")),
              HasSubstr("cut short"));
  EXPECT_THAT(ErrorOf(File("{\"schema\": \"nodeproof.results/0\"}")), HasSubstr("reads"));
  EXPECT_THAT(ErrorOf(File("{\"context\": {}, \"benchmarks\": []}")), HasSubstr("not a nodeproof"));
  EXPECT_THAT(ErrorOf(File("<?xml version=\"1.0\"?>")), HasSubstr("not JSON"));
  EXPECT_THAT(ErrorOf(File(std::string(4096, '['))), HasSubstr("deeper"));
  EXPECT_THAT(ErrorOf(File(std::string("\x7f"
                                       "ELF\0\0",
                                       6))),
              HasSubstr("not JSON"));
}

TEST_F(Documents, DoesNotReadWhatIsTooLarge) {
  const std::string path = File("{}");
  ASSERT_EQ(::truncate(path.c_str(), off_t{4} << 30), 0);  // sparse
  EXPECT_THAT(ErrorOf(path), HasSubstr("at most"));
}

TEST_F(Documents, TakesTheShippedListWhenNoneIsGiven) {
  EXPECT_TRUE(LoadKnown(""));
  EXPECT_EQ(LoadKnown(NODEPROOF_SOURCE_DIR "/reports/testdata/known.json")->size(), 1u);
  EXPECT_THAT(LoadKnown(File("{}")).error().message, StartsWith(folder_));
}

}  // namespace
}  // namespace nodeproof::cli
