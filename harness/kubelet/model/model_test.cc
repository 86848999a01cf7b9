#include "harness/kubelet/model/model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/kubelet/model/compare.h"

namespace nodeproof::kubelet {
namespace {

TEST(Model, ListsItsTopics) {
  const std::vector<std::string> topics = Topics();
  EXPECT_TRUE(std::ranges::is_sorted(topics));
  for (const char* topic :
       {"qos_class", "oom_score_adj", "resource_config_for_pod", "conversions", "cgroup_names",
        "container_resources", "qos_cgroups", "node_allocatable"}) {
    EXPECT_TRUE(std::ranges::binary_search(topics, topic)) << topic;
  }
}

TEST(Model, RefusesUnknownTopicsAndMalformedInput) {
  const Json none{{"cases", Json::array()}};
  const Result<Json> unknown = AnswerTopic("qos", none);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "there is no topic 'qos'");
  EXPECT_NE(unknown.error().hint.find("qos_class"), std::string::npos);
  for (const char* text : {"", "{", "[]", "null", "{\"cases\": {}}", "{\"cases\": [1]}",
                           "{\"cases\": [{}]}", "{\"cases\": [{\"id\": 3}]}"}) {
    const Result<Json> answer = AnswerTopicText("qos_class", text);
    ASSERT_FALSE(answer) << text;
    EXPECT_FALSE(answer.error().message.empty());
  }
  EXPECT_EQ(AnswerTopic("qos_class", none)->dump(), R"({"cases":[],"topic":"qos_class"})");
}

TEST(Model, AnswersEveryCaseHoweverOdd) {
  for (const std::string& topic : Topics()) {
    const Json input = Json::parse(R"({"cases": [
        {"id": "a"}, {"id": "b", "pod": 3, "kind": 7, "fn": null},
        {"id": "c", "fn": "?", "kind": "?", "pod": {"containers": [{"requests": {"cpu": "x"}}]}},
        {"id": "d", "kind": "swap_behavior", "pod": {"containers": {}}},
        {"id": "e", "memory_capacity": 0, "pod": {"containers": [{"name": "c", "requests": {"cpu": 1}}]}}
      ]})");
    const Result<Json> answers = AnswerTopic(topic, input);
    ASSERT_TRUE(answers) << topic;
    ASSERT_EQ(answers->at("cases").size(), input["cases"].size());
    EXPECT_TRUE(answers->at("cases")[0]["answer"].contains("unsupported")) << topic;
  }
}

TEST(Model, RefusesNumbersAndNestingBeyondReason) {
  for (const std::string& value : {std::string("4e96"), std::string("-4.5"), std::string("1e19"),
                                   std::string(100'000, '[') + std::string(100'000, ']')}) {
    const Result<Json> answer = AnswerTopicText(
        "conversions",
        R"({"cases": [{"id": "a", "fn": "milli_cpu_to_shares", "milli_cpu": )" + value + "}]}");
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->at("cases")[0]["answer"].contains("unsupported")) << value.substr(0, 10);
  }
}

TEST(Compare, KnowsTheRulesOfTheFormat) {
  const auto meets = [](const char* the_case, const char* answer) {
    return Mismatch(Json::parse(the_case), Json::parse(answer)).empty();
  };
  EXPECT_TRUE(meets(R"({"expect": {"s": {"min": 3, "max": 5}}})", R"({"s": 4, "more": 1})"));
  EXPECT_FALSE(meets(R"({"expect": {"s": {"min": 3, "max": 5}}})", R"({"s": 6})"));
  EXPECT_FALSE(meets(R"({"expect": {"s": 1}})", R"({})"));
  EXPECT_TRUE(meets(R"({"expect": {"a_any_order": [1, 2]}})", R"({"a_any_order": [2, 1]})"));
  EXPECT_FALSE(meets(R"({"expect": {"a": [1, 2]}})", R"({"a": [2, 1]})"));
  EXPECT_TRUE(meets(R"({"expect": {"q": "1Gi", "c": "0-2"}})", R"({"q": "1024Mi", "c": "0,1,2"})"));
  EXPECT_TRUE(meets(R"({"expect": {"error": {"type": "A"}}})",
                    R"({"error": {"type": "A", "message": "x"}})"));
  EXPECT_FALSE(meets(R"({"expect": {"error": {"type": "A"}}})", R"({"error": {"type": "B"}})"));
  EXPECT_TRUE(meets(R"({"expect": {"error": "some words"}})", R"({"error": "others"})"));
  EXPECT_FALSE(meets(R"({"expect": {"error": true}})", R"({"cpuset": "1"})"));
  EXPECT_TRUE(meets(R"({"expect_compare": -1})", "-1"));
  EXPECT_TRUE(meets(R"({"expect": [3, 1], "ordered": false})", "[1, 3]"));
  EXPECT_TRUE(meets(R"({"expect": {"ids": [3, 1]}, "ordered": false})", R"({"ids": [1, 3]})"));
  EXPECT_FALSE(meets(R"({"expect": 1})", R"({"unsupported": "no"})"));
  EXPECT_TRUE(meets(R"({"expect": {"resources": {"cpu": "1", "memory": "1"}}})",
                    R"({"resources": {"cpu": "1000m"}})"));
  EXPECT_FALSE(
      meets(R"({"expect": {"resources": {"cpu": "1"}}})", R"({"resources": {"memory": "1"}})"));
}

}  // namespace
}  // namespace nodeproof::kubelet
