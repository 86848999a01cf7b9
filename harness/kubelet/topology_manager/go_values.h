// Values of policy options as Go's strconv reads them, which is how the kubelet does.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace nodeproof::topology_manager {

// strconv.ParseBool: 1, t, T, TRUE, true, True, 0, f, F, FALSE, false, False; nothing else.
inline std::optional<bool> ParseGoBool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

// strconv.Atoi, as far as an int goes: decimal, with an optional sign.
inline std::optional<int> ParseGoInt(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace nodeproof::topology_manager
