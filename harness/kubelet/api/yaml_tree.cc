#include "harness/kubelet/api/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace nodeproof::kubelet {
namespace {

constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";
constexpr const char* kTooDeep = "nested too deeply";

// A mapping's fields beyond which its keys are looked up by a map rather than one by one.
void PutField(YamlNode& mapping, std::string key, YamlNode value) {
  mapping.fields.emplace_back(std::move(key), std::move(value));
}

// Makes the keys unique, the last one winning, in time n log n.
void DropDuplicates(YamlNode& mapping) {
  std::map<std::string_view, size_t> last;
  bool any = false;
  for (size_t i = 0; i < mapping.fields.size(); ++i) {
    const auto [entry, inserted] = last.emplace(mapping.fields[i].first, i);
    if (inserted) continue;
    any = true;
    mapping.duplicates.emplace_back(mapping.fields[i].first);
    entry->second = i;
  }
  if (!any) return;
  std::vector<std::pair<std::string, YamlNode>> kept;
  std::vector<size_t> order;
  for (const auto& [key, index] : last) order.push_back(index);
  std::ranges::sort(order);
  for (const size_t index : order) kept.push_back(std::move(mapping.fields[index]));
  mapping.fields = std::move(kept);
}

// A merge key brings in the fields that the mapping does not have itself.
void Merge(YamlNode& mapping) {
  const YamlNode* merged = mapping.Find("<<");
  if (merged == nullptr) return;
  std::vector<YamlNode> sources;
  if (merged->IsMapping()) sources.push_back(*merged);
  if (merged->IsSequence()) sources = merged->items;
  std::erase_if(mapping.fields, [](const auto& field) { return field.first == "<<"; });
  for (YamlNode& source : sources) {
    for (auto& [key, value] : source.fields) {
      if (mapping.Find(key) == nullptr) PutField(mapping, std::move(key), std::move(value));
    }
  }
}

size_t CountNodes(const YamlNode& node) {
  size_t count = 1;
  for (const YamlNode& item : node.items) count += CountNodes(item);
  for (const auto& [key, value] : node.fields) count += CountNodes(value);
  return count;
}

// Builds trees out of yaml-cpp's events. Errors are thrown as yaml-cpp throws its own, and caught
// with them.
class TreeBuilder : public YAML::EventHandler {
 public:
  std::vector<YamlNode> documents;

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp 0.7 reads a stray closing bracket ("&a ]") as empty documents without end.
    if (mark.pos <= last_start_) throw YAML::ParserException(mark, "an unexpected character");
    last_start_ = mark.pos;
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Leaf(mark, anchor, YamlNode{});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw YAML::ParserException(mark, "an alias inside its own anchor");
    aliased_ += CountNodes(found->second);
    if (aliased_ > kMaxAliasedNodes) {
      throw YAML::ParserException(mark, "aliases expand to too much");
    }
    Leaf(mark, 0, found->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.quoted = tag == "!" || tag == kStringTag;
    const bool null = !node.quoted && (value.empty() || value == "~" || value == "null" ||
                                       value == "Null" || value == "NULL");
    if (!null) {
      node.kind = YamlNode::Kind::kScalar;
      node.text = value;
    }
    Leaf(mark, anchor, std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor, YamlNode::Kind::kMapping);
  }
  void OnMapEnd() override {
    DropDuplicates(open_.back().node);
    Merge(open_.back().node);
    Close();
  }

 private:
  struct Level {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
  };

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (open_.size() >= kMaxYamlDepth) throw YAML::ParserException(mark, kTooDeep);
    if (!open_.empty() && open_.back().node.IsMapping() && !open_.back().has_key) {
      throw YAML::ParserException(mark, "a mapping's key must be a string");
    }
    Level level;
    level.node.kind = kind;
    level.node.line = mark.line + 1;
    level.node.column = mark.column + 1;
    level.anchor = anchor;
    open_.push_back(std::move(level));
  }

  void Close() {
    YamlNode node = std::move(open_.back().node);
    const YAML::anchor_t anchor = open_.back().anchor;
    open_.pop_back();
    if (anchor != 0) anchors_.insert_or_assign(anchor, node);
    Add(std::move(node));
  }

  void Leaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode node) {
    if (!open_.empty() && open_.back().node.IsMapping() && !open_.back().has_key) {
      if (!node.IsScalar()) throw YAML::ParserException(mark, "a mapping's key must be a string");
      open_.back().key = node.text;
      open_.back().has_key = true;
      if (anchor != 0) anchors_.insert_or_assign(anchor, std::move(node));
      return;
    }
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    if (anchor != 0) anchors_.insert_or_assign(anchor, node);
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    if (open_.empty()) {
      if (!node.IsNull()) documents.push_back(std::move(node));
      return;
    }
    Level& parent = open_.back();
    if (parent.node.IsSequence()) {
      parent.node.items.push_back(std::move(node));
      return;
    }
    PutField(parent.node, std::move(parent.key), std::move(node));
    parent.key.clear();
    parent.has_key = false;
  }

  std::vector<Level> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  size_t aliased_ = 0;
  int last_start_ = -1;  // of the document before, in characters
};

// The same trees out of nlohmann's events, which never recurse.
class JsonBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  YamlNode root;
  std::string problem;

  bool null() override { return Add(YamlNode{}); }
  bool boolean(bool value) override { return Plain(value ? "true" : "false"); }
  bool number_integer(int64_t value) override { return Plain(std::to_string(value)); }
  bool number_unsigned(uint64_t value) override { return Plain(std::to_string(value)); }
  bool number_float(double, const std::string& text) override { return Plain(text); }
  bool string(std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.quoted = true;
    node.text = std::move(value);
    return Add(std::move(node));
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(YamlNode::Kind::kMapping); }
  bool key(std::string& value) override {
    keys_.back() = std::move(value);
    return true;
  }
  bool end_object() override {
    DropDuplicates(open_.back());
    return Close();
  }
  bool start_array(size_t) override { return Open(YamlNode::Kind::kSequence); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    problem = error.what();
    return false;
  }

 private:
  bool Plain(std::string text) {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.text = std::move(text);
    return Add(std::move(node));
  }
  bool Open(YamlNode::Kind kind) {
    if (open_.size() >= kMaxYamlDepth) {
      problem = kTooDeep;
      return false;
    }
    YamlNode node;
    node.kind = kind;
    open_.push_back(std::move(node));
    keys_.emplace_back();
    return true;
  }
  bool Close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return Add(std::move(node));
  }
  bool Add(YamlNode node) {
    if (open_.empty()) {
      root = std::move(node);
    } else if (open_.back().IsSequence()) {
      open_.back().items.push_back(std::move(node));
    } else {
      PutField(open_.back(), keys_.back(), std::move(node));
    }
    return true;
  }

  std::vector<YamlNode> open_;
  std::vector<std::string> keys_;
};

// The position that nlohmann puts in its messages ("… at line 3, column 7: …") is kept; its own
// error number in front of it is not.
std::string JsonProblem(std::string text) {
  const size_t end = text.starts_with('[') ? text.find("] ") : std::string::npos;
  if (end != std::string::npos) text.erase(0, end + 2);
  std::ranges::replace(text, '\n', ' ');
  return text;
}

Result<std::vector<YamlNode>> ParseJson(std::string_view text) {
  JsonBuilder builder;
  if (!nlohmann::json::sax_parse(text, &builder)) {
    return Fail("malformed JSON: {}", JsonProblem(builder.problem));
  }
  std::vector<YamlNode> documents;
  if (!builder.root.IsNull()) documents.push_back(std::move(builder.root));
  return documents;
}

// JSON, going by its first character; a YAML flow mapping that is not JSON is read as YAML.
bool LooksLikeJson(std::string_view text) {
  const size_t at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (text[at] == '{' || text[at] == '[');
}

Result<std::vector<YamlNode>> ParseYaml(std::string_view text) {
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    return Fail("malformed YAML at line {}, column {}: {}", error.mark.line + 1,
                error.mark.column + 1, error.msg);
  } catch (const std::exception& error) {
    return Fail("malformed YAML: {}", error.what());
  }
  return std::move(builder.documents);
}

}  // namespace

YamlNode::YamlNode() = default;
YamlNode::~YamlNode() = default;
YamlNode::YamlNode(const YamlNode&) = default;
YamlNode::YamlNode(YamlNode&&) noexcept = default;
YamlNode& YamlNode::operator=(const YamlNode&) = default;
YamlNode& YamlNode::operator=(YamlNode&&) noexcept = default;

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string YamlNode::At() const { return line == 0 ? "" : fmt::format(" (line {})", line); }

Result<std::vector<YamlNode>> ParseYamlStream(std::string_view text) {
  if (!LooksLikeJson(text)) return ParseYaml(text);
  Result<std::vector<YamlNode>> json = ParseJson(text);
  if (json) return json;
  // "{a: b}" is YAML; what is neither is reported as the JSON that it looks like.
  Result<std::vector<YamlNode>> yaml = ParseYaml(text);
  return yaml ? std::move(yaml) : std::move(json);
}

}  // namespace nodeproof::kubelet
