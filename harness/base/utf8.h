// UTF-8 read with suspicion: names of cgroups, processes and files may hold any byte but '/' and
// NUL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nodeproof {

struct CodePoint {
  char32_t value = 0;  // U+FFFD when the bytes are no UTF-8
  size_t bytes = 0;    // how many bytes it took, at least 1
};

// The first code point of `text`, which must not be empty. Overlong forms, surrogates, values over
// U+10FFFF and cut sequences (RFC 3629, section 3) yield U+FFFD and take one byte.
CodePoint DecodeUtf8(std::string_view text);

void AppendUtf8(std::string& out, char32_t code_point);

// The text with U+FFFD for every byte that is no part of valid UTF-8.
std::string ToValidUtf8(std::string_view text);

}  // namespace nodeproof
