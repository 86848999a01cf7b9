// The plan of testdata/plan as text and as JSON against its golden files;
// `kubelet_node_plan_test --update-golden` writes them anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string_view>

#include "harness/kubelet/api/parse_pods.h"
#include "harness/kubelet/node_plan/node_plan.h"

namespace nodeproof::kubelet {
namespace {

bool update_golden = false;

std::string PathOf(std::string_view file) {
  return fmt::format("{}/harness/kubelet/testdata/plan/{}", NODEPROOF_SOURCE_DIR, file);
}

std::string ReadText(std::string_view file) {
  std::ifstream stream(PathOf(file));
  EXPECT_TRUE(stream) << PathOf(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void ExpectGolden(std::string_view file, const std::string& text) {
  if (update_golden) {
    std::ofstream(PathOf(file)) << text;
    return;
  }
  EXPECT_EQ(text, ReadText(file)) << "if this is meant, run "
                                  << "build/release/test/kubelet_node_plan_test --update-golden";
}

TEST(NodePlan, RendersAsInItsGoldenFiles) {
  const auto pods = ParsePods(ReadText("pods.yaml"), {.strict = true});
  ASSERT_TRUE(pods) << pods.error().ToString();
  const auto config = ParseKubeletConfiguration(ReadText("kubelet.yaml"), {.strict = true});
  ASSERT_TRUE(config) << config.error().ToString();
  const auto node = ParseNodeSpec(ReadText("node.yaml"));
  ASSERT_TRUE(node) << node.error().ToString();
  const auto plan = PlanNode(*node, config->config, pods->pods);
  ASSERT_TRUE(plan) << plan.error().ToString();
  ExpectGolden("plan.txt", RenderPlan(*plan));
  ExpectGolden("plan.json", PlanToJson(*plan).dump(2) + "\n");
}

}  // namespace
}  // namespace nodeproof::kubelet

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--update-golden") {
      fmt::print(stderr, "error: unknown argument {}; the only one is --update-golden\n", argv[i]);
      return 2;
    }
    nodeproof::kubelet::update_golden = true;
  }
  return RUN_ALL_TESTS();
}
