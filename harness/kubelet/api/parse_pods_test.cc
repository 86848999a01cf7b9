#include "harness/kubelet/api/parse_pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "harness/kubelet/api/yaml_tree.h"

namespace nodeproof::kubelet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kFull = R"(# a pod with everything the policy reads
apiVersion: v1
kind: Pod
metadata:
  name: web-0.example
  namespace: shop
  uid: 0b5c1f0e-4d2a-11ee-be56-0242ac120002
  labels: {app: web}
  annotations:
    kubernetes.io/config.source: file
spec:
  priorityClassName: system-node-critical
  terminationGracePeriodSeconds: 45
  overhead: {cpu: 250m, memory: 64Mi}
  resources:
    limits: {memory: 2Gi}
  initContainers:
  - name: setup
    image: busybox
    resources: {requests: {cpu: 0.5, memory: 1e6}}
  - name: proxy
    restartPolicy: Always
    resources:
      limits: {cpu: "100m", memory: 64Mi}
  containers:
  - name: app
    image: "nginx:1"
    ports: [{containerPort: 80}]
    resources:
      requests: {cpu: 1, memory: 1.5Gi, hugepages-2Mi: 4Mi}
      limits: {hugepages-2Mi: 4Mi, memory: 1536Mi}
    volumeMounts:
    - {name: scratch, mountPath: /tmp, readOnly: false}
  volumes:
  - name: scratch
    emptyDir: {medium: Memory, sizeLimit: 1Gi}
  - name: logs
    hostPath: {path: /var/log}
  - name: claim
    persistentVolumeClaim: {claimName: x}
  tolerations:
  - {key: node.kubernetes.io/memory-pressure, operator: Exists, effect: NoSchedule}
)";

TEST(ParsePods, ReadsWhatThePolicyNeeds) {
  const Result<ParsedPods> parsed = ParsePods(kFull, {.strict = true});
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  ASSERT_EQ(parsed->pods.size(), 1U);
  const Pod& pod = parsed->pods[0];
  EXPECT_EQ(FullName(pod), "shop/web-0.example");
  EXPECT_EQ(pod.uid, "0b5c1f0e-4d2a-11ee-be56-0242ac120002");
  EXPECT_TRUE(IsStatic(pod));
  EXPECT_TRUE(IsNodeCritical(pod));
  EXPECT_EQ(pod.priority, 2000001000);
  EXPECT_EQ(pod.termination_grace_seconds, 45);
  EXPECT_EQ(Amount(pod.overhead, kCpu).MilliValue(), 250);
  ASSERT_EQ(pod.init_containers.size(), 2U);
  EXPECT_FALSE(pod.init_containers[0].restartable());
  EXPECT_EQ(Amount(pod.init_containers[0].requests(), kCpu).MilliValue(), 500);
  EXPECT_EQ(Amount(pod.init_containers[0].requests(), kMemory).Value(), 1'000'000);
  EXPECT_TRUE(pod.init_containers[1].restartable());
  // The API server's defaults: requests from limits.
  EXPECT_EQ(Amount(pod.init_containers[1].requests(), kMemory).Value(), 64 << 20);
  ASSERT_EQ(pod.containers.size(), 1U);
  EXPECT_EQ(Amount(pod.containers[0].requests(), kMemory).Value(), 3LL << 29);
  EXPECT_EQ(pod.containers[0].image, "nginx:1");
  EXPECT_EQ(pod.containers[0].volume_mounts[0].mount_path, "/tmp");
  // Pod-level requests default to what the containers ask for.
  EXPECT_EQ(Amount(pod.resources->requests, kMemory).Value(), (3LL << 29) + (64 << 20));
  EXPECT_EQ(Amount(pod.resources->requests, kCpu).MilliValue(), 1100);
  ASSERT_EQ(pod.volumes.size(), 3U);
  EXPECT_EQ(pod.volumes[0].kind, VolumeKind::kEmptyDir);
  EXPECT_EQ(pod.volumes[0].medium, "Memory");
  EXPECT_EQ(pod.volumes[0].size_limit->Value(), 1 << 30);
  EXPECT_EQ(pod.volumes[1].kind, VolumeKind::kHostPath);
  EXPECT_EQ(pod.volumes[2].source, "persistentVolumeClaim");
  EXPECT_EQ(pod.tolerations[0].op, "Exists");
  EXPECT_THAT(parsed->warnings, IsEmpty());
}

constexpr std::string_view kMinimal =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec: {containers: [{name: c}]}\n";

std::string Minimal(std::string_view name) {
  std::string text(kMinimal);
  text.replace(text.find("NAME"), 4, name);
  return text;
}

TEST(ParsePods, ReadsStreamsAndLists) {
  const std::string stream =
      "---\n" + Minimal("a") + "---\n# nothing\n---\n" + Minimal("b") + "...\n";
  EXPECT_EQ(ParsePods(stream)->pods.size(), 2U);
  const std::string list = R"({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c",
      "resources": {"requests": {"cpu": 1, "memory": "1Gi"}}}]}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}]})";
  const Result<ParsedPods> parsed = ParsePods(list);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  ASSERT_EQ(parsed->pods.size(), 1U);
  EXPECT_EQ(Amount(parsed->pods[0].containers[0].requests(), kCpu).Value(), 1);
  EXPECT_THAT(parsed->warnings, ElementsAre("v1 ConfigMap is not a Pod and is skipped"));
  EXPECT_FALSE(ParsePods(list, {.strict = true}));
  const std::string pod_list =
      "kind: PodList\napiVersion: v1\nitems:\n- metadata: {name: a}\n  spec: {containers: [{name: "
      "c}]}\n";
  EXPECT_EQ(ParsePods(pod_list)->pods.size(), 1U);
  EXPECT_THAT(ParsePods("")->pods, IsEmpty());
  EXPECT_THAT(ParsePods("{}").error().message, HasSubstr("kind: is missing"));
}

TEST(ParsePods, MakesUpTheSameUidEveryTime) {
  const Pod a = ParsePods(Minimal("a"))->pods[0];
  EXPECT_EQ(a.uid, ParsePods(Minimal("a"))->pods[0].uid);
  EXPECT_NE(a.uid, ParsePods(Minimal("b"))->pods[0].uid);
  EXPECT_EQ(a.uid.size(), 36U);
}

TEST(ParsePods, SharesAnchorsAndMergesKeys) {
  const std::string text = R"(
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - &base {name: one, resources: &res {limits: {cpu: 1}}}
  - {<<: *base, name: two}
  - {name: three, resources: *res}
)";
  const Result<ParsedPods> parsed = ParsePods(text, {.strict = true});
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  for (const Container& container : parsed->pods[0].containers) {
    EXPECT_EQ(Amount(container.limits(), kCpu).Value(), 1) << container.name;
  }
}

TEST(ParsePods, ResolvesClassesFromTheInput) {
  const std::string text = R"(
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
description: important
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: kata}
handler: kata
overhead: {podFixed: {memory: 100Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {priorityClassName: high, runtimeClassName: kata, containers: [{name: c}]}
)";
  const Result<ParsedPods> parsed = ParsePods(text, {.strict = true});
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(parsed->pods[0].priority, 1000);
  EXPECT_EQ(Amount(parsed->pods[0].overhead, kMemory).Value(), 100 << 20);
}

TEST(ParsePods, WarnsOfUnknownFieldsLikeKubectl) {
  const std::string text = R"(apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: c
    resource: {}
    image: x
    image: y
)";
  const Result<ParsedPods> parsed = ParsePods(text);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_THAT(parsed->warnings,
              ElementsAre("unknown field \"spec.containers[0].resource\" (line 7)",
                          "duplicate field \"spec.containers[0].image\" (line 6)"));
  EXPECT_EQ(parsed->pods[0].containers[0].image, "y");
  const Result<ParsedPods> strict = ParsePods(text, {.strict = true});
  ASSERT_FALSE(strict);
  EXPECT_THAT(strict.error().message, HasSubstr("unknown field \"spec.containers[0].resource\""));
}

TEST(ParsePods, GivesOneClearErrorForBadInput) {
  const std::string head = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
  const auto with = [&](const char* spec) { return head + spec; };
  const std::pair<std::string, const char*> cases[] = {
      {"kind: Pod\n  apiVersion: v1\n", "malformed YAML at line 2, column 13"},
      {"a: [1, 2", "malformed YAML at line 1"},
      {"a: b: c", "malformed YAML at line 1, column 5"},
      {"{\"kind\": \"Pod\"", "malformed JSON"},
      {"- 1", "the document: must be an object (line 1)"},
      {"? [a]\n: b", "a mapping's key must be a string"},
      {Minimal("../x"), "metadata.name: '../x' is no pod name (line 3)"},
      {Minimal("a/b"), "is no pod name"},
      {Minimal("A"), "is no pod name"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, uid: ../b}\nspec: {containers: [{name: c}]}",
       "metadata.uid: '../b' is no uid"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, uid: a_b}\nspec: {containers: [{name: c}]}",
       "is no uid"},
      {with("spec: {}"), "spec.containers: a pod needs at least one container"},
      {with("spec: {containers: [{name: c/d}]}"),
       "spec.containers[0].name: 'c/d' is no container name"},
      {with("spec: {containers: [{name: c}, {name: c}]}"), "the name is used twice"},
      {with("spec: {containers: 3}"), "spec.containers: must be a list"},
      {with("spec: {priority: high, containers: [{name: c}]}"),
       "spec.priority: must be a whole number"},
      {with("spec: {priority: 99999999999, containers: [{name: c}]}"), "is outside"},
      {with("spec: {containers: [{name: 1}]}"), "must be a string, not 1"},
      {with("spec: {containers: [{name: c, resources: {requests: {cpu: -1}}}]}"),
       "spec.containers[0].resources.requests.cpu: -1 must not be negative (line 4)"},
      {with("spec: {containers: [{name: c, resources: {requests: {cpu: 1 core}}}]}"),
       "'1 core' is not a quantity"},
      {with("spec: {containers: [{name: c, resources: {requests: {cpu: 1e99}}}]}"), "too large"},
      {with("spec: {containers: [{name: c, resources: {requests: {cpu: 0100}}}]}"),
       "YAML parsers disagree on the number 0100"},
      {with("spec: {containers: [{name: c, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]}"),
       "cpu request 2 is more than its limit 1"},
      {with("spec: {containers: [{name: c, resources: {limits: {cpu: 1, hugepages-2Mi: 3Mi}}}]}"),
       "is not a whole number of pages"},
      {with("spec: {containers: [{name: c, resources: {limits: {hugepages-2Mi: 2Mi}}}]}"),
       "hugepages need a cpu or memory request"},
      {with("spec: {containers: [{name: c, resources: {limits: {x.org/gpu: 500m}}}]}"),
       "must be a whole number"},
      {Minimal("a") + "---\n" + Minimal("a"), "pod default/a is given twice"},
  };
  for (const auto& [text, message] : cases) {
    const Result<ParsedPods> parsed = ParsePods(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr(message)) << text;
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos) << text;
  }
}

TEST(ParsePods, NamesTheFile) {
  const Result<ParsedPods> parsed = ParsePods({{"good.yaml", Minimal("a")}, {"bad.yaml", "a: ["}});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, testing::StartsWith("bad.yaml: malformed YAML at line 1"));
}

TEST(ParseYamlStream, StopsAliasBombsAndDepth) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(ParseYamlStream(bomb).error().message, HasSubstr("aliases expand to too much"));
  EXPECT_THAT(ParseYamlStream(std::string(100'000, '[')).error().message, HasSubstr("deeply"));
  EXPECT_FALSE(ParseYamlStream("a: " + std::string(100'000, '[')));
  EXPECT_FALSE(ParseYamlStream("a: &x [*x]"));
  std::string nested = "a";
  for (int i = 0; i < 90; ++i) nested = "[" + nested + "]";
  EXPECT_TRUE(ParseYamlStream("x: " + nested));
}

TEST(ParseYamlStream, EndsOnStrayBrackets) {
  for (const char* text : {"&a ]", "a: 1\n]", "--- ]\n--- ]", "!t }"}) {
    const auto documents = ParseYamlStream(text);
    EXPECT_FALSE(documents) << text;
  }
}

TEST(ParsePods, ReadsTenThousandPods) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text += fmt::format(
        "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: pod-{}\n  labels: {{app: x}}\nspec:\n"
        "  containers:\n  - name: app\n    image: registry/app:1\n    resources:\n      requests:\n"
        "        cpu: 100m\n        memory: 128Mi\n      limits:\n        memory: 256Mi\n"
        "  - name: side\n    image: registry/side:1\n    resources:\n      limits: {{cpu: 1, "
        "memory: 1Gi}}\n",
        i);
  }
  const auto begin = std::chrono::steady_clock::now();
  const Result<ParsedPods> parsed = ParsePods(text);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(parsed->pods.size(), 10'000U);
  // Sanitizers and a busy machine slow this down; it takes a second or so otherwise.
  EXPECT_LT(took.count(), 30);
  RecordProperty("seconds", std::to_string(took.count()));
}

}  // namespace
}  // namespace nodeproof::kubelet
