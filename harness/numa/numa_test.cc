#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "harness/base/file.h"
#include "harness/numa/page_map.h"
#include "harness/numa/placed_memory.h"
#include "harness/numa/tiers.h"

namespace nodeproof::numa {
namespace {

using testing::HasSubstr;

constexpr std::string_view kMaps =
    "7f0000000000 bind:1 anon=4096 dirty=4096 N0=1 N1=4095 kernelpagesize_kB=4\n"
    "7f0001000000 default file=/lib/Nasty=7 mapped=3 N0=3\n";

TEST(NumaMaps, CountsOneMapping) {
  EXPECT_EQ(ParseNumaMaps(kMaps, 0x7f0000000000).value(), (ByNode{{0, 1}, {1, 4095}}));
  EXPECT_EQ(ParseNumaMaps(kMaps, 0x7f0001000000).value(), (ByNode{{0, 3}}));
  const auto none = ParseNumaMaps(kMaps, 0x7f0002000000);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "no mapping begins at 7f0002000000");
}

TEST(NumaStat, ReadsOneLine) {
  constexpr std::string_view kStat = "anon N0=4096 N1=0\nfile N0=1 N1=2\nbad N0=x\nworse 7\n";
  EXPECT_EQ(ParseNumaStat(kStat, "anon").value(), (ByNode{{0, 4096}, {1, 0}}));
  EXPECT_EQ(ToString(ParseNumaStat(kStat, "file").value()), "N0=1 N1=2");
  EXPECT_FALSE(ParseNumaStat(kStat, "bad"));
  EXPECT_FALSE(ParseNumaStat(kStat, "worse"));
  EXPECT_FALSE(ParseNumaStat(kStat, "shmem"));
}

TEST(ByNode, SumsAndLooksUp) {
  const ByNode counts = {{0, 3}, {2, 4}};
  EXPECT_EQ(Sum(counts), 7);
  EXPECT_EQ(At(counts, 2), 4);
  EXPECT_EQ(At(counts, 1), 0);
}

TEST(Tiers, AHigherNumberIsSlower) {
  const std::filesystem::path sysfs =
      std::filesystem::path(testing::TempDir()) / fmt::format("nodeproof-tiers-{}", ::getpid());
  const auto tiering = sysfs / "devices/virtual/memory_tiering";
  for (const auto& [tier, nodes] : {std::pair("memory_tier4", "0-1\n"), {"memory_tier22", "2\n"}}) {
    std::filesystem::create_directories(tiering / tier);
    ASSERT_TRUE(WriteFileAtomic(tiering / tier / "nodelist", nodes));
  }
  std::filesystem::create_directories(tiering / "power");
  const auto tiers = ReadTiers(sysfs.string());
  std::filesystem::remove_all(sysfs);
  ASSERT_TRUE(tiers) << tiers.error().message;
  EXPECT_EQ(tiers->of_node, (std::map<int, int>{{0, 4}, {1, 4}, {2, 22}}));
  EXPECT_THAT(tiers->text, HasSubstr("memory_tier22: 2"));
  EXPECT_TRUE(ReadTiers("/no/such").error().unsupported);
}

TEST(PlacedMemory, HoldsWhatItWrote) {
  auto memory = PlacedMemory::Start({.amount = MiB(2)});
  if (!memory && memory.error().unsupported) GTEST_SKIP() << memory.error().message;
  ASSERT_TRUE(memory) << memory.error().message;
  ASSERT_TRUE(memory->AwaitFull(Seconds(60)));
  EXPECT_EQ(memory->Touched(), MiB(2));
  EXPECT_EQ(memory->PolicyRefused(), 0);
  EXPECT_FALSE(memory->SeenOn().empty());
  EXPECT_EQ(memory->CountSpoiled(Seconds(60)).value(), 0);
  const auto pages = memory->Pages();
  if (!pages && pages.error().unsupported) GTEST_SKIP() << pages.error().message;
  ASSERT_TRUE(pages) << pages.error().message;
  EXPECT_EQ(Sum(*pages), MiB(2).value / ::sysconf(_SC_PAGESIZE));
}

TEST(PlacedMemory, SaysThatAPolicyWasRefused) {
  auto memory = PlacedMemory::Start({.amount = MiB(1), .policy = Policy::kBind, .nodes = {63}});
  if (!memory && memory.error().unsupported) GTEST_SKIP() << memory.error().message;
  ASSERT_TRUE(memory) << memory.error().message;
  ASSERT_TRUE(memory->AwaitFull(Seconds(60)));
  EXPECT_NE(memory->PolicyRefused(), 0);  // no machine that runs this has a node 63
  EXPECT_EQ(memory->Touched(), MiB(1));
}

}  // namespace
}  // namespace nodeproof::numa
