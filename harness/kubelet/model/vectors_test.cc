// Every case of every vectors file, answered through the same function as `nodeproof model`.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "harness/kubelet/model/compare.h"
#include "harness/kubelet/model/model.h"

namespace nodeproof::kubelet {
namespace {

struct VectorCase {
  std::string topic;
  Json the_case;
};

void PrintTo(const VectorCase& vector, std::ostream* out) {
  *out << vector.the_case["id"].get<std::string>();
}

Json ReadVectors(const std::string& topic) {
  const std::string path =
      fmt::format("{}/harness/kubelet/testdata/vectors/{}.json", NODEPROOF_SOURCE_DIR, topic);
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return Json::parse(file);
}

std::vector<VectorCase> AllCases() {
  std::vector<VectorCase> cases;
  for (const std::string& topic : Topics()) {
    Json vectors = ReadVectors(topic);
    for (Json& each : vectors.at("cases")) cases.push_back({topic, std::move(each)});
  }
  return cases;
}

class Vectors : public testing::TestWithParam<VectorCase> {};

TEST_P(Vectors, AnswersAsExpected) {
  const auto& [topic, the_case] = GetParam();
  const Result<Json> answers = AnswerTopic(topic, Json{{"cases", Json::array({the_case})}});
  ASSERT_TRUE(answers) << answers.error().ToString();
  EXPECT_EQ(answers->at("topic"), topic);
  ASSERT_EQ(answers->at("cases").size(), 1U);
  EXPECT_EQ(answers->at("cases")[0]["id"], the_case["id"]);
  EXPECT_EQ(Mismatch(the_case, answers->at("cases")[0]["answer"]), "") << the_case.dump();
}

// cpu_topologies holds the machines that other files' cases name.
TEST(VectorsFiles, HaveATopicEach) {
  const std::vector<std::string> topics = Topics();
  size_t files = 0;
  const std::string folder =
      fmt::format("{}/harness/kubelet/testdata/vectors", NODEPROOF_SOURCE_DIR);
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const std::string topic = file.path().stem();
    if (file.path().extension() != ".json" || topic == "cpu_topologies") continue;
    EXPECT_TRUE(std::ranges::binary_search(topics, topic)) << topic;
    ++files;
  }
  EXPECT_EQ(files, topics.size());
}

INSTANTIATE_TEST_SUITE_P(Kubernetes136, Vectors, testing::ValuesIn(AllCases()),
                         [](const testing::TestParamInfo<VectorCase>& each) {
                           std::string name = each.param.the_case["id"];
                           std::ranges::replace(name, '/', '_');
                           return name;
                         });

}  // namespace
}  // namespace nodeproof::kubelet
