#include "harness/topology/facts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace nodeproof {
namespace {

TEST(NodeFacts, TellThisMachine) {
  const auto facts = ReadNodeFacts("host");
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->at("kind"), "host");
  EXPECT_GE(facts->at("cpu").at("count").get<int>(), 1);
  EXPECT_EQ(facts->at("cpu").at("topology").size(), facts->at("cpu").at("count"));
  EXPECT_GT(facts->at("memory").at("total_bytes").get<int64_t>(), 0);
  EXPECT_FALSE(facts->at("kernel").at("release").get<std::string>().empty());
}

TEST(NodeFacts, TellWhereTheUnifiedHierarchyIs) {
  const std::filesystem::path root =
      std::filesystem::path(testing::TempDir()) /
      fmt::format("nodeproof-facts-{}", static_cast<int>(::getpid()));
  std::filesystem::create_directories(root / "self");
  std::ofstream(root / "self/mountinfo")
      << "30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n25 30 0:23 / " << root.string()
      << " rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
  std::ofstream(root / "cgroup.controllers") << "cpu memory\n";
  const auto facts = ReadNodeFacts("host", {.proc = root.string()});
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->at("cgroup"), (Json{{"mount", root.string()},
                                       {"options", {"rw", "nsdelegate"}},
                                       {"controllers", {"cpu", "memory"}}}));
  std::filesystem::remove(root / "self/mountinfo");
  const auto bare = ReadNodeFacts("host", {.proc = root.string()});
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_EQ(bare->at("cgroup"), Json::object());
  std::filesystem::remove_all(root);
}

TEST(NodeFacts, KeepOnlyTheConfigurationThatMatters) {
  const Json config = RelevantKernelConfig(
      "# comment\nCONFIG_HZ=250\nCONFIG_HZ_250=y\n# CONFIG_PSI is not set\nCONFIG_MEMCG=y\n");
  EXPECT_EQ(config, (Json{{"CONFIG_HZ", "250"}, {"CONFIG_MEMCG", "y"}}));
}

}  // namespace
}  // namespace nodeproof
