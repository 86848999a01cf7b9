#include "harness/base/json.h"

#include <cmath>
#include <utility>
#include <vector>

#include "harness/base/utf8.h"

namespace nodeproof {
namespace {

// What is written must be readable again.
constexpr size_t kDumpDepth = JsonLimits{}.depth;

// Builds a Json from the parser's events, and stops at the first limit that is passed.
class BoundedBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit BoundedBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override {
    if (value.size() > limits_.string_bytes) return StringTooLong();
    return Add(std::move(value));
  }
  bool binary(binary_t&) override { return Stop("binary value"); }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (name.size() > limits_.string_bytes) return StringTooLong();
    Level& level = levels_.back();
    level.key = std::move(name);
    if (level.container->contains(level.key)) return Stop("the field stands there twice");
    return true;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    syntax_error_ = error.what();
    position_ = position;
    return false;
  }

  Json Take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }
  const std::string& syntax_error() const { return syntax_error_; }
  size_t position() const { return position_; }

  // "claims[3].verdict", where reading stopped.
  std::string Path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.container->is_array()) {
        path += fmt::format("[{}]", level.container->size());
      } else {
        const std::string quoted = Quoted(level.key);
        path += (path.empty() ? "" : ".") + quoted.substr(1, quoted.size() - 2);
      }
    }
    return path;
  }

 private:
  struct Level {
    Json* container;
    std::string key;  // the name read last, in an object
  };

  Json* Place(Json value) {
    if (levels_.empty()) return &(root_ = std::move(value));
    Level& level = levels_.back();
    if (level.container->is_array()) {
      level.container->push_back(std::move(value));
      return &level.container->back();
    }
    return &((*level.container)[level.key] = std::move(value));
  }
  bool Add(Json value) {
    if (++values_ > limits_.values) return Stop(fmt::format("over {} values", limits_.values));
    Place(std::move(value));
    return true;
  }
  bool Open(Json container) {
    if (++values_ > limits_.values) return Stop(fmt::format("over {} values", limits_.values));
    if (levels_.size() == limits_.depth) {
      return Stop(fmt::format("nested deeper than {} levels", limits_.depth));
    }
    levels_.push_back({Place(std::move(container)), ""});
    return true;
  }
  bool Close() {
    levels_.pop_back();
    return true;
  }
  bool StringTooLong() {
    return Stop(fmt::format("a string longer than {} bytes", limits_.string_bytes));
  }
  bool Stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  const JsonLimits limits_;
  Json root_;
  std::vector<Level> levels_;
  size_t values_ = 0;
  std::string problem_;
  std::string syntax_error_;
  size_t position_ = 0;
};

// The library's message without its "[json.exception.…] parse error at … - " and without length.
std::string Reason(const std::string& what) {
  const size_t dash = what.find(" - ");
  const std::string quoted = Quoted(dash == std::string::npos ? what : what.substr(dash + 3));
  return quoted.substr(1, quoted.size() - 2);
}

Error SyntaxError(const BoundedBuilder& builder, std::string_view text, const std::string& name) {
  const std::string& what = builder.syntax_error();
  const bool at_end = what.find("unexpected end of input") != std::string::npos ||
                      what.find("missing closing quote") != std::string::npos;
  if (at_end) {
    Error error =
        Fail("{}: cut short after {} bytes: the JSON text ends midway", name, text.size()).error();
    return WithHint(std::move(error), "copy the file again, or repeat the run that wrote it");
  }
  if (what.find("out_of_range.406") != std::string::npos) {
    return Fail("{}: number out of range near byte {}", name, builder.position()).error();
  }
  return Fail("{}: not JSON near byte {}: {}", name, builder.position(), Reason(what)).error();
}

// The path of the first number that is not finite, or of nesting no reader would follow.
Status CheckWritable(const Json& json, const std::string& path, size_t depth) {
  if (json.is_structured() && depth >= kDumpDepth) {
    return Fail("{}: nested deeper than {} levels", path, kDumpDepth);
  }
  if (json.is_number_float() && !std::isfinite(json.get<double>())) {
    return Fail("{}: not a finite number", path.empty() ? "value" : path);
  }
  if (!json.is_structured()) return {};
  size_t index = 0;
  for (const auto& item : json.items()) {
    const Json& value = item.value();
    const size_t at = index++;
    if (!value.is_structured() && !value.is_number_float()) continue;
    if (value.is_number_float() && std::isfinite(value.get<double>())) continue;
    const std::string below = json.is_array() ? fmt::format("{}[{}]", path, at)
                              : path.empty()  ? item.key()
                                              : path + "." + item.key();
    TRY(CheckWritable(value, below, depth + 1));
  }
  return {};
}

}  // namespace

Result<Json> ParseJson(std::string_view text, const std::string& name, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return Fail("{}: {} bytes, but at most {} can be read", name, text.size(), limits.bytes);
  }
  BoundedBuilder builder(limits);
  try {
    if (Json::sax_parse(text, &builder)) return builder.Take();
  } catch (const std::exception& error) {
    return Fail("{}: not JSON: {}", name, Reason(error.what()));
  }
  if (!builder.syntax_error().empty()) return std::unexpected(SyntaxError(builder, text, name));
  const std::string path = builder.Path();
  return Fail("{}: {}{}{}", name, path, path.empty() ? "" : ": ", builder.problem());
}

Result<std::string> DumpJson(const Json& json, int indent) {
  TRY(CheckWritable(json, "", 0));
  try {
    return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  } catch (const std::exception& error) {
    return Fail("write JSON: {}", Reason(error.what()));
  }
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 76;
  std::string out = "\"";
  while (!text.empty() && out.size() < kShown) {
    const CodePoint next = DecodeUtf8(text);
    if (next.value == '"' || next.value == '\\') {
      out += {'\\', static_cast<char>(next.value)};
    } else if (next.value >= 0x20 && next.value < 0x7F) {
      out.push_back(static_cast<char>(next.value));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(next.value));
    }
    text.remove_prefix(next.bytes);
  }
  return out + (text.empty() ? "\"" : "…\"");
}

}  // namespace nodeproof
