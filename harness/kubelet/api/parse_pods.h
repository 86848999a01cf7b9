// Pods out of real Kubernetes manifests, YAML or JSON: single objects, `---` streams, `kind: List`
// and PodList.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

struct PodParseOptions {
  bool strict = false;  // unknown kinds and fields are errors, not warnings
  // What the API server does before a kubelet sees a pod: requests default to limits, priority and
  // overhead come from the classes, and pods that it would refuse are errors. Off, for text that
  // came from an API server and for tests.
  bool api_server = true;
};

struct ParsedPods {
  std::vector<Pod> pods;              // in the order of the text
  std::vector<std::string> warnings;  // one line each: unknown kinds and fields, as kubectl warns
};

// Reads every Pod of the text. PriorityClass and RuntimeClass objects beside them resolve
// priorityClassName and runtimeClassName; other kinds are skipped with a warning. A pod without
// metadata.uid gets one made from its namespace and name. Errors: malformed text (line and column),
// a field of the wrong type, names and uids that are no path component, two pods of one name or
// uid, quantities and resources that the API server refuses.
Result<ParsedPods> ParsePods(std::string_view text, const PodParseOptions& options = {});

// Several texts, e.g. files, as one; `sources` name them in errors ("pods.yaml: spec: …").
struct PodSource {
  std::string name;
  std::string text;
};
Result<ParsedPods> ParsePods(const std::vector<PodSource>& sources,
                             const PodParseOptions& options = {});

// Request := limit where absent, for containers; and the pod level's requests from its containers
// or limits (pkg/apis/core/v1/defaults.go SetDefaults_Pod, v1.36).
void ApplyApiDefaults(Pod& pod);

// What the API server refuses of resources (pkg/apis/core/validation): a request above its limit,
// hugepages that are not whole pages, whose request is not the limit, or without cpu and memory;
// fractions of countable resources; duplicate container names.
Status ValidatePodResources(const Pod& pod);

}  // namespace nodeproof::kubelet
