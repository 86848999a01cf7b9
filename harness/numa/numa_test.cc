#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/numa/chase.h"
#include "harness/numa/chaser.h"
#include "harness/numa/hmat.h"
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

TEST(Hmat, TellsOfTheBestInitiatorsAlone) {
  const std::filesystem::path sysfs =
      std::filesystem::path(testing::TempDir()) / fmt::format("nodeproof-hmat-{}", ::getpid());
  const auto initiators = sysfs / "devices/system/node/node2/access0/initiators";
  std::filesystem::create_directories(initiators / "node0");
  const auto before = ReadLatency(0, 2, sysfs.string());  // the links alone
  ASSERT_TRUE(WriteFileAtomic(initiators / "read_latency", "250\n"));
  const auto best = ReadLatency(0, 2, sysfs.string());
  const auto other = ReadLatency(1, 2, sysfs.string());
  const auto none = ReadLatency(0, 1, sysfs.string());
  ASSERT_TRUE(WriteFileAtomic(initiators / "read_latency", "fast\n"));
  const auto bad = ReadLatency(0, 2, sysfs.string());
  std::filesystem::remove_all(sysfs);
  EXPECT_EQ(before.value(), std::nullopt);
  EXPECT_EQ(best.value(), 250);
  EXPECT_EQ(other.value(), std::nullopt);
  EXPECT_EQ(none.value(), std::nullopt);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("read_latency"));
}

TEST(Chase, VisitsEveryLineOnceARound) {
  std::vector<std::byte> memory(64 << 10);
  auto chase = Chase::Link(memory.data(), KiB(64), 3);
  ASSERT_TRUE(chase) << chase.error().message;
  EXPECT_EQ(chase->lines(), 1024);
  const void* start = chase->at();
  for (int64_t step = 1; step < chase->lines(); ++step) {
    chase->Walk(1);
    ASSERT_NE(chase->at(), start) << "after " << step;
  }
  chase->Walk(1);
  EXPECT_EQ(chase->at(), start);
  EXPECT_FALSE(Chase::Link(memory.data(), Bytes{64}, 1));
}

TEST(Chaser, CountsItsLoadsAndWhereTheyCameFrom) {
  auto chaser = Chaser::Start({.nodes = {0, 0}, .working_set = MiB(1)});
  if (!chaser && chaser.error().unsupported) GTEST_SKIP() << chaser.error().message;
  ASSERT_TRUE(chaser) << chaser.error().message;
  const auto ready = chaser->AwaitReady(Seconds(60));
  if (!ready && ready.error().code == EPERM) GTEST_SKIP() << ready.error().message;  // seccomp
  ASSERT_TRUE(ready) << ready.error().message;
  const Nanoseconds deadline = MonotonicClock().Now() + std::chrono::seconds(60);
  while (chaser->Links(1) == 0 && MonotonicClock().Now() < deadline) {
  }
  EXPECT_GE(chaser->Links(0), Chaser::kLinksAtOnce);
  EXPECT_GT(chaser->Took(0), Nanoseconds(0));
  const auto pages = chaser->Pages(1);
  if (!pages && pages.error().unsupported) GTEST_SKIP() << pages.error().message;
  ASSERT_TRUE(pages) << pages.error().message;
  EXPECT_EQ(At(*pages, 0), MiB(1).value / ::sysconf(_SC_PAGESIZE));
}

TEST(Chaser, SaysWhatItCannotHave) {
  EXPECT_FALSE(Chaser::Start({.nodes = {}, .working_set = MiB(1)}));
  auto chaser = Chaser::Start({.nodes = {63}, .working_set = MiB(1)});
  if (!chaser && chaser.error().unsupported) GTEST_SKIP() << chaser.error().message;
  ASSERT_TRUE(chaser) << chaser.error().message;
  const auto ready = chaser->AwaitReady(Seconds(60));
  ASSERT_FALSE(ready);  // no machine that runs this has a node 63
  EXPECT_THAT(ready.error().message, HasSubstr("bound to a NUMA node"));
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
