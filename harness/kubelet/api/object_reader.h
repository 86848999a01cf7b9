// Reads the fields of one API object out of a tree: typed, with the field's path in every error,
// and noticing the fields that nobody asked for. Keys are string literals: the reader keeps views
// of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/api/yaml_tree.h"

namespace nodeproof::kubelet {

// Where unknown and duplicate fields go: warnings, as kubectl prints them, or errors when strict.
struct FieldPolicy {
  bool strict = false;
  std::vector<std::string> warnings;

  // Warns, or fails when strict.
  Status Report(std::string message);
};

class ObjectReader {
 public:
  // `path` names the object in messages: "spec.containers[0]", or "" at the top. Both outlive the
  // reader. Errors: `node` is not a mapping.
  static Result<ObjectReader> Create(const YamlNode& node, std::string path, FieldPolicy& policy);

  // The field, or nullptr if absent or null. Marks it as known.
  const YamlNode* Field(std::string_view key);
  // "spec.containers[0].name".
  std::string PathOf(std::string_view key) const;

  // Typed fields; nullopt if absent or null. Errors name the field, its line and what was expected.
  Result<std::optional<std::string>> String(std::string_view key);
  Result<std::optional<bool>> Bool(std::string_view key);
  Result<std::optional<int64_t>> Int(std::string_view key, int64_t least, int64_t most);
  Result<std::optional<double>> Double(std::string_view key);
  // The string, or `otherwise`.
  Result<std::string> StringOr(std::string_view key, std::string otherwise);
  // One of `allowed`, or nullopt if absent.
  Result<std::optional<std::string>> OneOf(std::string_view key,
                                           std::span<const std::string_view> allowed);
  Result<std::vector<std::string>> Strings(std::string_view key);
  // String -> string; plain numbers and booleans are errors, as in the API.
  Result<std::map<std::string, std::string, std::less<>>> StringMap(std::string_view key);
  // Resource -> quantity; negative ones are errors. Rounded up to 1m, as the API server does.
  Result<ResourceList> Resources(std::string_view key);
  Result<std::optional<Quantity>> QuantityField(std::string_view key);

  // Calls `read` with a reader of each element of the list.
  Status ForEach(std::string_view key, const std::function<Status(ObjectReader&)>& read);
  // Calls `read` with a reader of the object, if there.
  Status Object(std::string_view key, const std::function<Status(ObjectReader&)>& read);

  // Fields that are part of the API but of no interest here; the array outlives the reader.
  void Ignore(std::span<const std::string_view> keys) { ignored_ = keys; }
  // Reports the fields that were neither read nor ignored, and duplicates. Call it last.
  Status Finish();

  const YamlNode& node() const { return *node_; }
  FieldPolicy& policy() const { return *policy_; }
  const std::string& path() const { return path_; }

  // An Error on a field: "spec.priority: <what> (line 3)".
  std::unexpected<Error> Refuse(std::string_view key, std::string_view what,
                                std::string hint = "") const;

 private:
  ObjectReader(const YamlNode& node, std::string path, FieldPolicy& policy)
      : node_(&node), path_(std::move(path)), policy_(&policy) {}

  const YamlNode* node_;
  std::string path_;
  FieldPolicy* policy_;
  std::vector<std::string_view> known_;
  std::span<const std::string_view> ignored_;
};

// A quantity from a scalar, plain or quoted. Errors: as Quantity::Parse, and plain numbers that
// YAML parsers read differently (010, 0x10, 1_000).
Result<Quantity> QuantityFromNode(const YamlNode& node, std::string_view path);

}  // namespace nodeproof::kubelet
