// Every case of the vectors eviction_ranking and eviction_thresholds, through the model's answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "harness/kubelet/model/model.h"

namespace nodeproof::kubelet {
namespace {

struct VectorCase {
  std::string topic;
  Json the_case;
};
void PrintTo(const VectorCase& each, std::ostream* out) { *out << each.the_case.dump(); }

std::vector<VectorCase> Cases() {
  std::vector<VectorCase> cases;
  for (const std::string topic : {"eviction_ranking", "eviction_thresholds"}) {
    std::ifstream file(std::string(NODEPROOF_SOURCE_DIR "/harness/kubelet/testdata/vectors/") +
                       topic + ".json");
    const Json vectors = Json::parse(file);
    for (const Json& each : vectors.at("cases")) cases.push_back({topic, each});
  }
  return cases;
}

bool Matches(const Json& expected, const Json& actual, const std::string& key);

bool MatchesAsSets(const Json& expected, Json actual) {
  if (!actual.is_array() || expected.size() != actual.size()) return false;
  for (const Json& each : expected) {
    const auto found = std::find_if(actual.begin(), actual.end(),
                                    [&](const Json& other) { return Matches(each, other, ""); });
    if (found == actual.end()) return false;
    actual.erase(found);
  }
  return true;
}

bool SameQuantity(const Json& expected, const Json& actual) {
  const auto a = Quantity::Parse(expected.get<std::string>());
  const auto b = Quantity::Parse(actual.get<std::string>());
  return a && b && *a == *b;
}

// The comparison of the vectors' format: keys ending in _any_order are sets, of an error only its
// being there counts, quantities compare by value, and an answer may have more keys.
bool Matches(const Json& expected, const Json& actual, const std::string& key) {
  if (key == "error") {
    return expected.get<bool>() == (!actual.is_boolean() || actual.get<bool>());
  }
  if (key == "quantity") return SameQuantity(expected, actual);
  if (key.ends_with("_any_order")) return MatchesAsSets(expected, actual);
  if (expected.is_object()) {
    for (const auto& [name, value] : expected.items()) {
      if (!actual.is_object() || !actual.contains(name)) return false;
      if (!Matches(value, actual.at(name), name)) return false;
    }
    return true;
  }
  if (expected.is_array()) {
    if (!actual.is_array() || expected.size() != actual.size()) return false;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (!Matches(expected[i], actual[i], "")) return false;
    }
    return true;
  }
  return expected == actual;
}

class EvictionVectors : public testing::TestWithParam<VectorCase> {};

TEST_P(EvictionVectors, IsAnsweredAsTheKubeletDoes) {
  const Json& the_case = GetParam().the_case;
  const Json& expected =
      the_case.contains("expect_compare") ? the_case["expect_compare"] : the_case.at("expect");
  const auto answers = AnswerTopic(GetParam().topic, {{"cases", {the_case}}});
  ASSERT_TRUE(answers) << answers.error().ToString();
  const Json& answer = answers->at("cases").at(0).at("answer");
  EXPECT_TRUE(Matches(expected, answer, ""))
      << "expected " << expected.dump() << "\nanswered " << answer.dump();
}

INSTANTIATE_TEST_SUITE_P(All, EvictionVectors, testing::ValuesIn(Cases()), [](const auto& each) {
  std::string name = each.param.the_case.at("id");
  std::ranges::replace(name, '/', '_');
  return name;
});

}  // namespace
}  // namespace nodeproof::kubelet
