#include <gtest/gtest.h>

#include "bench/all_benches.h"
#include "bench/core/runner.h"

namespace nodeproof::bench {
namespace {

TEST(AllBenches, ThereAreAtLeastSixtyBesidesTheMatrix) {
  Registry registry;
  RegisterAllBenches(registry);
  int matrix = 0;
  for (const Bench& bench : registry.benches()) {
    EXPECT_FALSE(bench.what.empty()) << bench.id;
    EXPECT_TRUE(bench.what.ends_with('.')) << bench.id;
    EXPECT_EQ(bench.needs.own_node, !bench.needs.why_own_node.empty()) << bench.id;
    if (bench.id.starts_with("interference.")) ++matrix;
  }
  EXPECT_EQ(matrix, 64);
  EXPECT_GE(static_cast<int>(registry.benches().size()) - matrix, 60);
}

// The acceptance profiles judge these by name.
TEST(AllBenches, HasWhatTheProfilesJudge) {
  Registry registry;
  RegisterAllBenches(registry);
  EXPECT_NE(registry.Find("numa.far-memory.latency"), nullptr);
  EXPECT_NE(registry.Find("interference.isolation.wakeup.cpu-hog"), nullptr);
}

TEST(AllBenches, WithoutCgroupsWhatNeedsThemSaysSo) {
  Registry registry;
  RegisterAllBenches(registry);
  Environment environment;
  environment.topology.cpus = {{.cpu = 0}, {.cpu = 1}};
  environment.topology.nodes = {{}, {}};
  environment.memory = GiB(8);
  environment.scratch = "/var/tmp";
  environment.owns_node = true;
  environment.why_no_cgroups = "bound to cgroup v1";
  int unsupported = 0;
  for (const Bench& bench : registry.benches()) {
    const Status checked = CheckNeeds(bench, environment);
    if (checked || bench.needs.numa_nodes > 1) continue;
    ++unsupported;
    EXPECT_NE(checked.error().message.find("bound to cgroup v1"), std::string::npos) << bench.id;
    EXPECT_TRUE(Describe(bench)["needs"]["cgroups"].get<bool>() || !bench.needs.controllers.empty())
        << bench.id;
  }
  EXPECT_GT(unsupported, 64);
}

}  // namespace
}  // namespace nodeproof::bench
