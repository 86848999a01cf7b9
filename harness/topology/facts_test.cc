#include "harness/topology/facts.h"

#include <gtest/gtest.h>

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

TEST(NodeFacts, KeepOnlyTheConfigurationThatMatters) {
  const Json config = RelevantKernelConfig(
      "# comment\nCONFIG_HZ=250\nCONFIG_HZ_250=y\n# CONFIG_PSI is not set\nCONFIG_MEMCG=y\n");
  EXPECT_EQ(config, (Json{{"CONFIG_HZ", "250"}, {"CONFIG_MEMCG", "y"}}));
}

}  // namespace
}  // namespace nodeproof
