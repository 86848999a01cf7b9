// YAML and JSON text as one small tree with positions, bounded in depth and size, so that manifests
// and configurations are read the same way from both.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/result.h"

namespace nodeproof::kubelet {

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar that is a string whatever it looks like
  int line = 0;         // from 1; 0 when not known (JSON)
  int column = 0;
  std::string text;                                      // of a scalar
  std::vector<YamlNode> items;                           // of a sequence
  std::vector<std::pair<std::string, YamlNode>> fields;  // of a mapping, in order, keys unique
  std::vector<std::string> duplicates;                   // keys that were given more than once

  // Out of line, because a pair of an incomplete type cannot be made or destroyed within its class.
  YamlNode();
  ~YamlNode();
  YamlNode(const YamlNode&);
  YamlNode(YamlNode&&) noexcept;
  YamlNode& operator=(const YamlNode&);
  YamlNode& operator=(YamlNode&&) noexcept;

  bool IsNull() const { return kind == Kind::kNull; }
  bool IsMapping() const { return kind == Kind::kMapping; }
  bool IsSequence() const { return kind == Kind::kSequence; }
  bool IsScalar() const { return kind == Kind::kScalar; }
  // The field, or nullptr if it is absent; the last one if it was given twice.
  const YamlNode* Find(std::string_view key) const;
  // " (line 3)", or "" when not known.
  std::string At() const;
};

inline constexpr int kMaxYamlDepth = 100;
// Nodes that aliases may add up to in one text: a "billion laughs" stops here.
inline constexpr size_t kMaxAliasedNodes = 100'000;

// The documents of a text: JSON if it starts with '{' or '[', else a YAML stream; empty documents
// are left out. Merge keys ("<<") are applied. Errors, with line and column: malformed text, keys
// that are not scalars, nesting deeper than kMaxYamlDepth, aliases that expand beyond
// kMaxAliasedNodes.
Result<std::vector<YamlNode>> ParseYamlStream(std::string_view text);

}  // namespace nodeproof::kubelet
