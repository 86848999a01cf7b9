#include "harness/kubelet/api/quantity.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace nodeproof::kubelet {
namespace {

constexpr size_t kMaxLength = 128;
// The largest magnitude accepted, in nanounits: 1e24 units. A hundred thousand of them still add up
// inside 128 bits.
constexpr int kMaxUnitsExponent = 24;

constexpr __int128 PowerOfTen(int exponent) {
  __int128 value = 1;
  for (int i = 0; i < exponent; ++i) value *= 10;
  return value;
}

constexpr __int128 kMaxNanos = PowerOfTen(kMaxUnitsExponent + 9);
constexpr __int128 kMaxInt64Nanos =
    static_cast<__int128>(std::numeric_limits<int64_t>::max()) * 1'000'000'000;

struct Suffix {
  int base = 10;  // 10 or 2
  int exponent = 0;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::optional<Suffix> ParseSuffix(std::string_view text) {
  struct Named {
    std::string_view name;
    Suffix suffix;
  };
  static constexpr Named kNamed[] = {
      {"", {10, 0}},   {"n", {10, -9}}, {"u", {10, -6}}, {"m", {10, -3}},
      {"k", {10, 3}},  {"M", {10, 6}},  {"G", {10, 9}},  {"T", {10, 12}},
      {"P", {10, 15}}, {"E", {10, 18}}, {"Ki", {2, 10}}, {"Mi", {2, 20}},
      {"Gi", {2, 30}}, {"Ti", {2, 40}}, {"Pi", {2, 50}}, {"Ei", {2, 60}},
  };
  for (const Named& named : kNamed) {
    if (named.name == text) return named.suffix;
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  if (text.size() > 1 && text[0] == '+' && IsDigit(text[1])) text.remove_prefix(1);
  int exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    exponent = text[0] == '-' ? -1000 : 1000;
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return Suffix{10, std::clamp(exponent, -1000, 1000)};
}

// Divides, rounding away from zero.
__int128 DivideAway(__int128 value, __int128 divisor) {
  const __int128 quotient = value / divisor;
  if (value % divisor == 0) return quotient;
  return quotient + (value > 0 ? 1 : -1);
}

struct Parts {
  bool negative = false;
  std::string digits;  // of the number without its point, no leading zeros
  int fraction = 0;    // how many of the digits stood after the point
  std::string_view suffix;
};

// Splits "<sign><digits>.<digits><suffix>"; nullopt if there is no number.
std::optional<Parts> Split(std::string_view text) {
  Parts parts;
  size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) parts.negative = text[at++] == '-';
  bool any = false;
  bool point = false;
  for (; at < text.size() && (IsDigit(text[at]) || (text[at] == '.' && !point)); ++at) {
    if (text[at] == '.') {
      point = true;
      continue;
    }
    any = true;
    if (point) ++parts.fraction;
    if (!parts.digits.empty() || text[at] != '0') parts.digits += text[at];
  }
  if (!any) return std::nullopt;
  while (parts.fraction > 0 && !parts.digits.empty() && parts.digits.back() == '0') {
    parts.digits.pop_back();
    --parts.fraction;
  }
  parts.suffix = text.substr(at);
  return parts;
}

// digits x 10^scale in nanounits, rounded up; nullopt above the limit.
std::optional<__int128> DecimalNanos(const std::string& digits, int scale) {
  scale += 9;
  const int size = static_cast<int>(digits.size());
  if (size + scale > kMaxUnitsExponent + 9 + 1) return std::nullopt;
  __int128 value = 0;
  bool rest = false;
  for (int i = 0; i < size; ++i) {
    if (size - i + scale <= 0) {  // a digit below one nanounit
      rest = rest || digits[static_cast<size_t>(i)] != '0';
    } else {
      value = value * 10 + (digits[static_cast<size_t>(i)] - '0');
    }
  }
  if (scale > 0) value *= PowerOfTen(scale);
  if (rest) ++value;
  return value > kMaxNanos ? std::nullopt : std::optional(value);
}

// digits x 10^-fraction x 2^shift in nanounits, rounded up and capped at 2^63-1 units.
std::optional<__int128> BinaryNanos(const std::string& digits, int fraction, int shift) {
  // Split into whole and fractional digits: the whole part is capped before it can overflow, the
  // fraction is cut to 18 digits (2^60 x 1e9 x 1e-18 > 1, so the cut is remembered as a rest).
  const size_t whole_size = digits.size() > static_cast<size_t>(fraction)
                                ? digits.size() - static_cast<size_t>(fraction)
                                : 0;
  if (whole_size > 20) return kMaxInt64Nanos;
  __int128 whole = 0;
  for (size_t i = 0; i < whole_size; ++i) whole = whole * 10 + (digits[i] - '0');
  if (whole > (static_cast<__int128>(1) << 63) >> shift) return kMaxInt64Nanos;

  __int128 nanos = (whole << shift) * 1'000'000'000;
  // Long multiplication of the fraction: each step moves one decimal digit, keeping the remainder
  // exact: fraction x 2^shift x 1e9 = sum of digit x 2^shift x 10^(9-position).
  std::string tail = digits.substr(whole_size);
  tail.insert(0, static_cast<size_t>(fraction) - tail.size(), '0');
  // Horner from the last digit: value = (value + digit x 2^shift x 1e9) / 10, in exact rationals
  // held as quotient plus "something is left".
  __int128 value = 0;
  bool rest = false;
  for (size_t i = tail.size(); i-- > 0;) {
    value += (static_cast<__int128>(tail[i] - '0') << shift) * 1'000'000'000;
    rest = rest || value % 10 != 0;
    value /= 10;
  }
  nanos += value + (rest ? 1 : 0);
  return std::min(nanos, kMaxInt64Nanos);
}

std::string DecimalText(__int128 value) {
  std::string text;
  const bool negative = value < 0;
  do {
    const int digit = static_cast<int>(value % 10);
    text += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    value /= 10;
  } while (value != 0);
  if (negative) text += '-';
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace

Result<Quantity> Quantity::Parse(std::string_view text) {
  const auto malformed = [&] {
    return std::unexpected(
        WithHint(Error{fmt::format("'{}' is not a quantity", text.substr(0, kMaxLength)), "", 0},
                 "write a number with a suffix such as 500m, 2, 100Mi, 1.5Gi or 1e3"));
  };
  if (text.empty() || text.size() > kMaxLength) return malformed();
  const std::optional<Parts> parts = Split(text);
  if (!parts) return malformed();
  const std::optional<Suffix> suffix = ParseSuffix(parts->suffix);
  if (!suffix) return malformed();
  if (parts->digits.empty()) {
    return Quantity(0, suffix->base == 2 ? Format::kBinary : Format::kDecimal);
  }
  const std::optional<__int128> nanos =
      suffix->base == 2 ? BinaryNanos(parts->digits, parts->fraction, suffix->exponent)
                        : DecimalNanos(parts->digits, suffix->exponent - parts->fraction);
  if (!nanos) {
    return std::unexpected(WithHint(Error{fmt::format("quantity '{}' is too large", text), "", 0},
                                    "the largest accepted is 1e24"));
  }
  return Quantity(parts->negative ? -*nanos : *nanos,
                  suffix->base == 2 ? Format::kBinary : Format::kDecimal);
}

int64_t Quantity::Scaled(int64_t nanos_per_step) const {
  const __int128 value = DivideAway(nanos_, nanos_per_step);
  return static_cast<int64_t>(
      std::clamp(value, static_cast<__int128>(std::numeric_limits<int64_t>::min()),
                 static_cast<__int128>(std::numeric_limits<int64_t>::max())));
}

double Quantity::ToDouble() const { return static_cast<double>(nanos_) / 1e9; }

Quantity Quantity::RoundedUpToMilli() const {
  constexpr int64_t kNanosPerMilli = 1'000'000;
  return Quantity(DivideAway(nanos_, kNanosPerMilli) * kNanosPerMilli, format_);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  // A zero takes the other's notation, so that a sum that starts at zero prints as its terms do.
  if (nanos_ == 0) format_ = other.format_;
  if (__builtin_add_overflow(nanos_, other.nanos_, &nanos_)) {
    nanos_ = other.nanos_ > 0 ? kMaxNanos : -kMaxNanos;
  }
  return *this;
}

Quantity& Quantity::operator-=(const Quantity& other) {
  if (nanos_ == 0) format_ = other.format_;
  if (__builtin_sub_overflow(nanos_, other.nanos_, &nanos_)) {
    nanos_ = other.nanos_ > 0 ? -kMaxNanos : kMaxNanos;
  }
  return *this;
}

std::string Quantity::ToString() const {
  if (nanos_ == 0) return "0";
  constexpr std::string_view kBinarySuffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  constexpr std::string_view kDecimalSuffixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  const __int128 units = nanos_ / kNanosPerUnit;
  if (format_ == Format::kBinary && IsWhole() && (units >= 1024 || units <= -1024)) {
    __int128 value = units;
    size_t step = 0;
    while (step + 1 < std::size(kBinarySuffixes) && value % 1024 == 0) value /= 1024, ++step;
    return DecimalText(value) + std::string(kBinarySuffixes[step]);
  }
  __int128 value = nanos_;
  size_t step = 0;
  while (step + 1 < std::size(kDecimalSuffixes) && value % 1000 == 0) value /= 1000, ++step;
  return DecimalText(value) + std::string(kDecimalSuffixes[step]);
}

}  // namespace nodeproof::kubelet
