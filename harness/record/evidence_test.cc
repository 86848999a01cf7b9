#include "harness/record/evidence.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::record {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LargestSlabs, SortsByBytesAndSkipsTheHead) {
  EXPECT_EQ(LargestSlabs("slabinfo - version: 2.1\n"
                         "# name            <active_objs> <num_objs> <objsize> <objperslab>\n"
                         "dentry 90 100 192 21 1\n"
                         "ext4_inode_cache 10 50 1000 8 2\n"),
            "ext4_inode_cache 50 objects 50000 bytes\ndentry 100 objects 19200 bytes\n");
}

TEST(LargestSlabs, KeepsTen) {
  std::string slabs;
  for (int i = 0; i < 30; ++i) slabs += fmt::format("cache{} 1 {} 8 1\n", i, i + 1);
  const std::string text = LargestSlabs(slabs);
  EXPECT_THAT(text, HasSubstr("cache29 30 objects"));
  EXPECT_THAT(text, HasSubstr("cache20 "));
  EXPECT_THAT(text, Not(HasSubstr("cache19 ")));
}

TEST(LogRecord, ReadsLikeDmesg) {
  EXPECT_EQ(FormatLogRecord("6,339,5140900,-;NET: Registered PF_INET\n SUBSYSTEM=net\n"),
            "[    5.140900] NET: Registered PF_INET\n");
  EXPECT_EQ(FormatLogRecord("no record"), "");
}

TEST(Group, TellsWhatItHasAndLeavesOutTheRest) {
  const cgroup::FakeTree tree;
  const auto group =
      tree.Group("pod", {{"memory.current", "4096\n"}, {"memory.events", "low 0\noom_kill 1\n"}});
  const results::Evidence evidence = GatherGroup("/kubepods/pod", group);
  EXPECT_EQ(evidence.title, "cgroup /kubepods/pod");
  EXPECT_EQ(evidence.text, "memory.current: 4096\nmemory.events:\nlow 0\noom_kill 1\n");
}

TEST(Node, TellsChangesAndWhatItCouldNotRead) {
  const cgroup::FakeTree tree;  // any temporary folder
  const std::string proc = tree.root().string();
  std::ofstream(proc + "/vmstat") << "pgfault 10\npgsteal_kswapd 5\n";
  NodeWatch watch({proc, proc + "/no-such-log"});
  std::ofstream(proc + "/vmstat") << "pgfault 17\npgsteal_kswapd 5\noom_kill 1\n";
  std::map<std::string, std::string> texts;
  for (const auto& [title, text] : watch.Gather()) texts[title] = text;
  EXPECT_EQ(texts.at("vmstat, change"), "oom_kill +1\npgfault +7\n");
  EXPECT_THAT(texts.at("kernel log"), HasSubstr("no-such-log"));
  EXPECT_THAT(texts.at("largest slabs"), HasSubstr("slabinfo"));
  EXPECT_THAT(texts.at(proc + "/pressure/memory"), HasSubstr("pressure/memory"));
}

}  // namespace
}  // namespace nodeproof::record
