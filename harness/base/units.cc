#include "harness/base/units.h"

#include <array>
#include <charconv>
#include <cmath>

namespace nodeproof {
namespace {

// The power of 1024 for a unit letter, or -1.
int UnitPower(std::string_view unit) {
  if (unit.empty() || unit == "B") return 0;
  if (unit.size() > 1 && unit.substr(1) != "i" && unit.substr(1) != "iB") return -1;
  switch (unit[0]) {
    case 'K':
    case 'k':
      return 1;
    case 'M':
      return 2;
    case 'G':
      return 3;
    case 'T':
      return 4;
    default:
      return -1;
  }
}

}  // namespace

Result<Bytes> ParseSize(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  const int power = UnitPower(unit);
  if (error != std::errc() || power < 0) {
    return Fail("'{}' is not a size (write 2G, 512M or a number of bytes)", text);
  }
  const double bytes = std::ldexp(number, 10 * power);
  if (!(bytes >= 1) || bytes > 9e18 || bytes != std::floor(bytes)) {
    return Fail("size '{}' must be a positive whole number of bytes", text);
  }
  return Bytes{static_cast<int64_t>(bytes)};
}

std::string FormatBytes(Bytes bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes.value);
  size_t unit = 0;
  while (std::abs(value) >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  if (value == std::floor(value)) return fmt::format("{:.0f} {}", value, kUnits[unit]);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string FormatDuration(Seconds duration) {
  const double seconds = duration.count();
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

}  // namespace nodeproof
