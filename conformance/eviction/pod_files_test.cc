#include "conformance/eviction/pod_files.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace nodeproof::conformance {
namespace {

TEST(PodFiles, CountsInodesAndBlocksUntilTheyAreRemoved) {
  PodFiles files(testing::TempDir());
  const auto made = files.Make("a", 3);
  if (!made && made.error().code == EOPNOTSUPP) GTEST_SKIP() << "no unnamed files here";
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(files.UsageOf("a")->inodes, 3);
  EXPECT_EQ(files.UsageOf("a")->bytes, 0);
  EXPECT_EQ(files.UsageOf("b")->inodes, 0);
  files.Remove("a");
  EXPECT_EQ(files.UsageOf("a")->inodes, 0);
}

TEST(PodFiles, ReadsTheDiskThatTheyAreOn) {
  const auto disk = PodFiles(testing::TempDir()).ReadDisk();
  ASSERT_TRUE(disk) << disk.error().message;
  EXPECT_GT(disk->capacity_bytes, 0);
  EXPECT_LE(disk->available_bytes, disk->capacity_bytes);
}

TEST(PodFiles, ErrorsNameThePodOrTheDirectory) {
  PodFiles nowhere("/no/such/directory");
  const auto made = nowhere.Make("a", 1);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("pod a"), std::string::npos) << made.error().message;
  const auto disk = nowhere.ReadDisk();
  ASSERT_FALSE(disk);
  EXPECT_NE(disk.error().message.find("/no/such/directory"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::conformance
