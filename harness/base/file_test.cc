#include "harness/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

namespace nodeproof {
namespace {

std::filesystem::path FreshDirectory() {
  std::string name = testing::TempDir() + "nodeproof-file-XXXXXX";
  return ::mkdtemp(name.data());
}

TEST(ParentPath, EndsBelowTheRoot) {
  EXPECT_EQ(ParentPath("/kubepods/besteffort/pod1"), "/kubepods/besteffort");
  EXPECT_EQ(ParentPath("/kubepods"), "");
  EXPECT_EQ(ParentPath("kubepods"), "");
  EXPECT_EQ(ParentPath(""), "");
}

TEST(WriteFileAtomic, ReplacesAndLeavesNoPartial) {
  const auto directory = FreshDirectory();
  const auto path = directory / "results.json";
  ASSERT_TRUE(WriteFileAtomic(path, "old"));
  ASSERT_TRUE(WriteFileAtomic(path, "new"));
  EXPECT_EQ(ReadFile(path.string()).value(), "new");
  EXPECT_FALSE(std::filesystem::exists(PartialPath(path)));
  std::filesystem::remove_all(directory);
}

TEST(WriteFileAtomic, NamesThePathItCouldNotWrite) {
  const auto written = WriteFileAtomic("/proc/no-such/results.json", "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("/proc/no-such/results.json"), std::string::npos);
  EXPECT_EQ(written.error().code, ENOENT);
}

TEST(ReadFile, ReadsFilesWhoseSizeIsZero) {
  const auto status = ReadFile("/proc/self/status");
  ASSERT_TRUE(status);
  EXPECT_NE(status->find("Name:"), std::string::npos);
}

TEST(ParseInt, TakesOnlyWholeNumbers) {
  EXPECT_EQ(ParseInt("-12").value(), -12);
  EXPECT_EQ(ParseUint("18446744073709551615").value(), UINT64_MAX);
  for (const char* text : {"", " 1", "1 ", "0x1", "1.0", "99999999999999999999"}) {
    EXPECT_FALSE(ParseInt(text)) << text;
  }
  EXPECT_FALSE(ParseUint("-1"));
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_TRUE(Split("", ',').empty());
  EXPECT_EQ(Split("a,,b", ',').size(), 3u);
  EXPECT_EQ(Words("  some avg10=0.00\ttotal=7\n").size(), 3u);
}

}  // namespace
}  // namespace nodeproof
