#include "harness/kubelet/api/object_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace nodeproof::kubelet {
namespace {

Error FieldError(std::string_view path, const YamlNode& node, std::string_view what,
                 std::string hint = "") {
  return Error{fmt::format("{}: {}{}", path.empty() ? "the document" : path, what, node.At()),
               std::move(hint), 0};
}

template <typename T>
std::optional<T> Number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A plain scalar that YAML or JSON takes for a boolean or a number rather than a string.
bool IsPlainNonString(const YamlNode& node) {
  if (node.quoted) return false;
  static constexpr std::string_view kBooleans[] = {
      "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES",
      "no",   "No",   "NO",   "on",    "On",    "ON",    "off", "Off", "OFF"};
  if (std::ranges::find(kBooleans, node.text) != std::end(kBooleans)) return true;
  const std::optional<double> number = Number<double>(node.text);
  return number && std::isfinite(*number);
}

// 010, 0x10, 0o10, 1_000: numbers on which YAML 1.1 and 1.2 disagree.
bool IsAmbiguousNumber(const YamlNode& node) {
  if (node.quoted) return false;
  std::string_view text = node.text;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() > 1 && text[0] == '0' && (digit(text[1]) || text[1] == 'x' || text[1] == 'o')) {
    return std::ranges::all_of(text.substr(2), [](char c) { return std::isxdigit(c) != 0; });
  }
  return !text.empty() && digit(text[0]) && text.find('_') != std::string_view::npos;
}

}  // namespace

Status FieldPolicy::Report(std::string message) {
  if (strict) return std::unexpected(Error{std::move(message), "", 0});
  // Ten thousand pods with one misspelt field are one mistake to read about, not ten thousand.
  constexpr size_t kMaxWarnings = 1000;
  if (warnings.size() < kMaxWarnings) warnings.push_back(std::move(message));
  return {};
}

Result<ObjectReader> ObjectReader::Create(const YamlNode& node, std::string path,
                                          FieldPolicy& policy) {
  if (!node.IsMapping()) {
    return std::unexpected(FieldError(path, node, "must be an object"));
  }
  return ObjectReader(node, std::move(path), policy);
}

const YamlNode* ObjectReader::Field(std::string_view key) {
  known_.push_back(key);
  const YamlNode* field = node_->Find(key);
  return field == nullptr || field->IsNull() ? nullptr : field;
}

std::string ObjectReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::unexpected<Error> ObjectReader::Refuse(std::string_view key, std::string_view what,
                                            std::string hint) const {
  const YamlNode* field = node_->Find(key);
  return std::unexpected(
      FieldError(PathOf(key), field == nullptr ? *node_ : *field, what, std::move(hint)));
}

Result<std::optional<std::string>> ObjectReader::String(std::string_view key) {
  const YamlNode* field = Field(key);
  if (field == nullptr) return std::nullopt;
  if (!field->IsScalar()) return Refuse(key, "must be a string");
  if (IsPlainNonString(*field)) {
    return Refuse(key, fmt::format("must be a string, not {}", field->text), "put it in quotes");
  }
  return field->text;
}

Result<std::string> ObjectReader::StringOr(std::string_view key, std::string otherwise) {
  std::optional<std::string> text = TRY(String(key));
  return text ? std::move(*text) : std::move(otherwise);
}

Result<std::optional<bool>> ObjectReader::Bool(std::string_view key) {
  const YamlNode* field = Field(key);
  if (field == nullptr) return std::nullopt;
  if (field->IsScalar() && !field->quoted) {
    for (const std::string_view yes : {"true", "True", "TRUE"}) {
      if (field->text == yes) return true;
    }
    for (const std::string_view no : {"false", "False", "FALSE"}) {
      if (field->text == no) return false;
    }
  }
  return Refuse(key, "must be true or false");
}

Result<std::optional<int64_t>> ObjectReader::Int(std::string_view key, int64_t least,
                                                 int64_t most) {
  const YamlNode* field = Field(key);
  if (field == nullptr) return std::nullopt;
  const std::optional<int64_t> value =
      field->IsScalar() && !field->quoted && !IsAmbiguousNumber(*field)
          ? Number<int64_t>(field->text)
          : std::nullopt;
  if (!value) return Refuse(key, "must be a whole number");
  if (*value < least || *value > most) {
    return Refuse(key, fmt::format("{} is outside {} to {}", *value, least, most));
  }
  return *value;
}

Result<std::optional<double>> ObjectReader::Double(std::string_view key) {
  const YamlNode* field = Field(key);
  if (field == nullptr) return std::nullopt;
  const std::optional<double> value =
      field->IsScalar() && !field->quoted && !IsAmbiguousNumber(*field)
          ? Number<double>(field->text)
          : std::nullopt;
  if (!value || !std::isfinite(*value)) return Refuse(key, "must be a number");
  return *value;
}

Result<std::optional<std::string>> ObjectReader::OneOf(std::string_view key,
                                                       std::span<const std::string_view> allowed) {
  std::optional<std::string> text = TRY(String(key));
  if (!text || std::ranges::find(allowed, *text) != allowed.end()) return text;
  std::string choices;
  for (const std::string_view each : allowed) {
    choices += fmt::format("{}'{}'", choices.empty() ? "" : ", ", each);
  }
  return Refuse(key, fmt::format("'{}' is not supported", *text), "use one of " + choices);
}

Result<std::vector<std::string>> ObjectReader::Strings(std::string_view key) {
  std::vector<std::string> strings;
  const YamlNode* field = Field(key);
  if (field == nullptr) return strings;
  if (!field->IsSequence()) return Refuse(key, "must be a list of strings");
  for (const YamlNode& item : field->items) {
    if (!item.IsScalar() || IsPlainNonString(item)) return Refuse(key, "must be a list of strings");
    strings.push_back(item.text);
  }
  return strings;
}

Result<std::map<std::string, std::string, std::less<>>> ObjectReader::StringMap(
    std::string_view key) {
  std::map<std::string, std::string, std::less<>> strings;
  const YamlNode* field = Field(key);
  if (field == nullptr) return strings;
  if (!field->IsMapping()) return Refuse(key, "must be a map of strings");
  for (const auto& [name, value] : field->fields) {
    if (!value.IsNull() && (!value.IsScalar() || IsPlainNonString(value))) {
      return std::unexpected(
          FieldError(PathOf(key) + "." + name, value, "must be a string", "put it in quotes"));
    }
    strings.emplace(name, value.text);
  }
  return strings;
}

Result<ResourceList> ObjectReader::Resources(std::string_view key) {
  ResourceList resources;
  const YamlNode* field = Field(key);
  if (field == nullptr) return resources;
  if (!field->IsMapping()) return Refuse(key, "must be a map of resources to quantities");
  for (const auto& [name, value] : field->fields) {
    const std::string path = fmt::format("{}.{}", PathOf(key), name);
    if (name.empty()) return Refuse(key, "has a resource without a name");
    const Quantity quantity = TRY(QuantityFromNode(value, path));
    if (quantity.IsNegative()) {
      return std::unexpected(
          FieldError(path, value, fmt::format("{} must not be negative", quantity.ToString())));
    }
    resources.emplace(name, quantity.RoundedUpToMilli());
  }
  return resources;
}

Result<std::optional<Quantity>> ObjectReader::QuantityField(std::string_view key) {
  const YamlNode* field = Field(key);
  if (field == nullptr) return std::nullopt;
  const Quantity quantity = TRY(QuantityFromNode(*field, PathOf(key)));
  if (quantity.IsNegative()) return Refuse(key, "must not be negative");
  return quantity;
}

Status ObjectReader::ForEach(std::string_view key,
                             const std::function<Status(ObjectReader&)>& read) {
  const YamlNode* field = Field(key);
  if (field == nullptr) return {};
  if (!field->IsSequence()) return Refuse(key, "must be a list");
  for (size_t i = 0; i < field->items.size(); ++i) {
    ObjectReader reader =
        TRY(Create(field->items[i], fmt::format("{}[{}]", PathOf(key), i), *policy_));
    TRY(read(reader));
    TRY(reader.Finish());
  }
  return {};
}

Status ObjectReader::Object(std::string_view key,
                            const std::function<Status(ObjectReader&)>& read) {
  const YamlNode* field = Field(key);
  if (field == nullptr) return {};
  ObjectReader reader = TRY(Create(*field, PathOf(key), *policy_));
  TRY(read(reader));
  return reader.Finish();
}

Status ObjectReader::Finish() {
  for (const auto& [key, value] : node_->fields) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    if (std::ranges::find(ignored_, key) != ignored_.end()) continue;
    TRY(policy_->Report(fmt::format("unknown field \"{}\"{}", PathOf(key), value.At())));
  }
  for (const std::string& key : node_->duplicates) {
    TRY(policy_->Report(fmt::format("duplicate field \"{}\"{}", PathOf(key), node_->At())));
  }
  return {};
}

Result<Quantity> QuantityFromNode(const YamlNode& node, std::string_view path) {
  if (!node.IsScalar()) {
    return std::unexpected(FieldError(path, node, "must be a quantity", "such as 500m or 100Mi"));
  }
  if (IsAmbiguousNumber(node)) {
    return std::unexpected(
        FieldError(path, node, fmt::format("YAML parsers disagree on the number {}", node.text),
                   "put it in quotes"));
  }
  Result<Quantity> quantity = Quantity::Parse(node.text);
  if (!quantity) {
    return std::unexpected(FieldError(path, node, quantity.error().message, quantity.error().hint));
  }
  return *quantity;
}

}  // namespace nodeproof::kubelet
