// `nodeproof model TOPIC`: the policy model answers cases as JSON, so that another oracle can check
// it. A topic is one vectors file: cases in, answers in the shape of the cases' `expect` out.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

using Json = nlohmann::json;

// Answers one case. An Error says that the case cannot be understood or is outside the model, and
// is reported as {"unsupported": message}. Where the kubelet itself would fail, the answer is the
// value ErrorAnswer(). A JSON exception thrown while reading the case counts as an Error.
using CaseAnswer = std::function<Result<Json>(const Json& the_case)>;

// {"error": {"type": type, "message": message}}.
Json ErrorAnswer(std::string_view type, std::string_view message);
// {"error": message}.
Json ErrorAnswer(std::string_view message);

class TopicTable {
 public:
  void Add(std::string topic, CaseAnswer answer);
  const std::map<std::string, CaseAnswer, std::less<>>& topics() const { return topics_; }

 private:
  std::map<std::string, CaseAnswer, std::less<>> topics_;
};

// Each file model/<x>_topics.cc has one; model.cc calls them all.
void RegisterPolicyTopics(TopicTable& table);
void RegisterEvictionTopics(TopicTable& table);
void RegisterCpuTopics(TopicTable& table);
void RegisterTopologyTopics(TopicTable& table);
void RegisterMemoryManagerTopics(TopicTable& table);

// The topics, sorted.
std::vector<std::string> Topics();

// {"topic": topic, "cases": [{"id", "answer"}]} for {"cases": [{"id", …}]}: one answer a case, in
// order. Errors: an unknown topic (the hint lists them), input that is not an object with an array
// `cases` of objects that each have an `id`.
Result<Json> AnswerTopic(std::string_view topic, const Json& input);

// The same from text; malformed JSON is an error that says where.
Result<Json> AnswerTopicText(std::string_view topic, std::string_view text);

// A pod as cases write it: {init_containers|init, containers, pod_resources?, priority?,
// priority_class?, name?, uid?, namespace?}, each container either {name, requests, limits,
// restart_policy?} or the short form {name?, cpu_request?, cpu_limit?, memory_request?,
// memory_limit?}. Nothing is defaulted or validated.
Result<Pod> PodFromCase(const Json& pod);

// {"cpu": "100m", …}; numbers are accepted as well. null is the empty list.
Result<ResourceList> ResourcesFromCase(const Json& list);

// The gates of `feature_gates` over the defaults. Both spellings of the CFS period's gate
// (CPUCFSQuotaPeriod and CustomCPUCFSQuotaPeriod) are accepted.
Result<FeatureGates> GatesFromCase(const Json& the_case);

}  // namespace nodeproof::kubelet
