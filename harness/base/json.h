// JSON that comes from outside (a results file, a request, an event), read within bounds, and JSON
// that goes out, written so that every reader can read it.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace nodeproof {

using Json = nlohmann::json;

struct JsonLimits {
  size_t bytes = size_t{512} << 20;
  size_t depth = 64;                 // arrays and objects within one another
  size_t values = size_t{16} << 20;  // bounds the memory: tens of bytes a value
  size_t string_bytes = size_t{1} << 20;
};

// Parses the whole of `text`, called `name` in errors. Refuses, with one Error that says where: too
// much text, nesting, values or string; text cut short; anything that RFC 8259 does not allow
// (NaN, comments, trailing text, invalid UTF-8); a number no double can hold; a name twice in one
// object, which readers would resolve differently.
Result<Json> ParseJson(std::string_view text, const std::string& name,
                       const JsonLimits& limits = {});

// The JSON text of `json`, names sorted, doubles in the shortest form that reads back the same,
// invalid UTF-8 replaced by U+FFFD. `indent` < 0 gives one line. A number that is not finite has no
// JSON form: an Error names its path.
Result<std::string> DumpJson(const Json& json, int indent = -1);

// Text of unknown origin for an error message: quoted, control characters and non-ASCII escaped,
// at most some 80 bytes.
std::string Quoted(std::string_view text);

}  // namespace nodeproof
