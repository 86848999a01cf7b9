// Reading JSON documents field by field: what is missing, of another type, out of range or unknown
// is one Error that names the place. For results files and for the documents that are read beside
// them (known violations, acceptance profiles, noise floors).
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/result.h"

namespace nodeproof::results {

// One JSON object at a known place. A field that is missing, has another type or is unknown is an
// Error that names the place: "claims[3].arms.control.measured.low: not a number".
class Object {
 public:
  static Result<Object> At(const Json& json, std::string path) {
    if (!json.is_object()) return Fail("{}: not an object", path.empty() ? "document" : path);
    return Object(json, std::move(path));
  }

  std::string PathOf(std::string_view field) const {
    return path_.empty() ? std::string(field) : fmt::format("{}.{}", path_, field);
  }
  const Json* Find(const char* field) const {
    const auto at = json_->find(field);
    return at == json_->end() ? nullptr : &*at;
  }
  Result<const Json*> Need(const char* field) const {
    const Json* value = Find(field);
    if (value == nullptr) return Fail("{}: missing", PathOf(field));
    return value;
  }

  Result<Object> Sub(const char* field) const { return At(*TRY(Need(field)), PathOf(field)); }

  Result<std::string> Text(const char* field) const {
    return TextOf(*TRY(Need(field)), PathOf(field));
  }
  static Result<std::string> TextOf(const Json& value, const std::string& path) {
    if (!value.is_string()) return Fail("{}: not a string", path);
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMaxText) return Fail("{}: longer than {} bytes", path, kMaxText);
    return text;
  }
  Result<std::string> NonEmptyText(const char* field) const {
    std::string text = TRY(Text(field));
    if (text.empty()) return Fail("{}: empty", PathOf(field));
    return text;
  }

  Result<double> Number(const char* field) const {
    return NumberOf(*TRY(Need(field)), PathOf(field));
  }
  static Result<double> NumberOf(const Json& value, const std::string& path) {
    if (!value.is_number()) return Fail("{}: not a number", path);
    const auto number = value.get<double>();
    if (!std::isfinite(number)) return Fail("{}: not a finite number", path);
    return number;
  }
  Result<double> NonNegative(const char* field) const {
    const double number = TRY(Number(field));
    if (number < 0) return Fail("{}: {} is negative", PathOf(field), number);
    return number;
  }
  Result<uint64_t> Whole(const char* field, uint64_t least, uint64_t most) const {
    const Json& value = *TRY(Need(field));
    const bool whole =
        value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0);
    const uint64_t number = whole ? value.get<uint64_t>() : 0;
    if (!whole || number < least || number > most) {
      return Fail("{}: not a whole number from {} to {}", PathOf(field), least, most);
    }
    return number;
  }
  Result<bool> Boolean(const char* field) const {
    const Json& value = *TRY(Need(field));
    if (!value.is_boolean()) return Fail("{}: neither true nor false", PathOf(field));
    return value.get<bool>();
  }
  Result<std::vector<std::string>> Texts(const char* field) const {
    return Each<std::string>(field, TextOf);
  }
  template <typename T, typename Read>
  Result<std::vector<T>> Each(const char* field, Read read) const {
    const Json& list = *TRY(Need(field));
    const std::string path = PathOf(field);
    if (!list.is_array()) return Fail("{}: not an array", path);
    std::vector<T> items;
    items.reserve(list.size());
    for (size_t i = 0; i < list.size(); ++i) {
      items.push_back(TRY(read(list[i], fmt::format("{}[{}]", path, i))));
    }
    return items;
  }

  // An enumerator, by its Parse function.
  template <typename Enum>
  Result<Enum> Named(const char* field, Result<Enum> (*parse)(std::string_view)) const {
    auto value = parse(TRY(Text(field)));
    if (!value) return Fail("{}: {}", PathOf(field), value.error().message);
    return *value;
  }

  // Only these fields may stand here.
  Status NoFieldsBut(std::initializer_list<std::string_view> known) const {
    for (const auto& item : json_->items()) {
      if (std::ranges::find(known, item.key()) != known.end()) continue;
      const std::string quoted = Quoted(item.key());
      return Fail("{}: unknown field {}", path_.empty() ? "document" : path_, quoted);
    }
    return {};
  }

  const Json& json() const { return *json_; }

 private:
  static constexpr size_t kMaxText = 65536;  // a statement, a note, a knob's value

  Object(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {}

  const Json* json_;
  std::string path_;
};

// Reads the text of a file called `name` as a document whose field "schema" says `schema`, with
// `read(const Object&)` for the rest. Errors name the file.
template <typename Read>
auto ReadDocument(std::string_view text, const std::string& name, std::string_view schema,
                  Read read) -> decltype(read(std::declval<const Object&>())) {
  const Json json = TRY(ParseJson(text, name));
  const auto found = json.is_object() ? json.find("schema") : json.end();
  if (!json.is_object() || found == json.end() || *found != schema) {
    return std::unexpected(Error{fmt::format("{}: its \"schema\" is not \"{}\"", name, schema),
                                 "give a document of that kind", 0});
  }
  auto document = read(TRY(Object::At(json, "")));
  if (!document) {
    document.error().message = fmt::format("{}: {}", name, document.error().message);
  }
  return document;
}

}  // namespace nodeproof::results
