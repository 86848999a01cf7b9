#include "harness/kubelet/eviction/thresholds.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <type_traits>
#include <utility>

namespace nodeproof::kubelet::eviction {
namespace {

Error InField(Error error, std::string_view field, std::string_view signal) {
  error.message = fmt::format("{}[{}]: {}", field, signal, error.message);
  return error;
}

Result<Signal> ParseSignal(std::string_view field, std::string_view name) {
  const std::optional<Signal> signal = SignalNamed(name);
  if (signal) return *signal;
  std::vector<std::string_view> names;
  for (const Signal known : kAllSignals) names.push_back(ToString(known));
  return std::unexpected(WithHint(Fail("{}: unknown eviction signal \"{}\"", field, name).error(),
                                  fmt::format("the signals are {}", fmt::join(names, ", "))));
}

// nullopt: the value says that there is no threshold.
Result<std::optional<ThresholdValue>> ParseValue(const std::string& text) {
  if (text.ends_with('%')) {
    if (text == "0%" || text == "100%") return std::nullopt;
    const float percentage = TRY(ParsePercentage(text));
    if (percentage < 0 || percentage > 1) {
      return Fail("\"{}\" is not a percentage between 0% and 100%", text);
    }
    return ThresholdValue{.percentage = percentage};
  }
  const Quantity quantity = TRY(Quantity::Parse(text));
  if (!quantity.IsPositive()) return Fail("the threshold \"{}\" is not above zero", text);
  return ThresholdValue{.quantity = quantity};
}

Result<ThresholdValue> ParseMinReclaim(const std::string& text) {
  if (text.ends_with('%')) {
    const float percentage = TRY(ParsePercentage(text));
    if (percentage <= 0) return Fail("the percentage \"{}\" is not above zero", text);
    return ThresholdValue{.percentage = percentage};
  }
  const Quantity quantity = TRY(Quantity::Parse(text));
  if (quantity.IsNegative()) return Fail("\"{}\" is negative", text);
  return ThresholdValue{.quantity = quantity};
}

Result<std::vector<Threshold>> ParseStatements(std::string_view field, const StringMap& settings) {
  std::vector<Threshold> thresholds;
  for (const auto& [name, text] : settings) {
    const Signal signal = TRY(ParseSignal(field, name));
    auto value = ParseValue(text);
    if (!value) return std::unexpected(InField(value.error(), field, name));
    if (*value) thresholds.push_back({.signal = signal, .value = **value});
  }
  return thresholds;
}

// `parse` over every entry of a map of settings, with the entry's name in the error.
template <typename Parse>
auto ParseSettings(std::string_view field, const StringMap& settings, Parse parse)
    -> Result<std::map<Signal, typename std::invoke_result_t<Parse, std::string>::value_type>> {
  std::map<Signal, typename std::invoke_result_t<Parse, std::string>::value_type> parsed;
  for (const auto& [name, text] : settings) {
    const Signal signal = TRY(ParseSignal(field, name));
    auto value = parse(text);
    if (!value) return std::unexpected(InField(value.error(), field, name));
    parsed.emplace(signal, *value);
  }
  return parsed;
}

Result<Nanoseconds> ParseGracePeriod(const std::string& text) {
  const Nanoseconds period = TRY(ParseDuration(text));
  if (period < Nanoseconds{0}) return Fail("the grace period \"{}\" is negative", text);
  return period;
}

// Whether upstream's strconv.ParseFloat would look at it as a number at all; from_chars alone also
// takes "nan(x)" and, for hexadecimal, no prefix.
bool LooksLikeFloat(std::string_view digits) {
  if (digits.empty()) return false;
  if (digits[0] == '.' || (digits[0] >= '0' && digits[0] <= '9')) return true;
  std::string lower(digits);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower == "inf" || lower == "infinity" || lower == "nan";
}

// The nearest float32, as strconv.ParseFloat(text, 32): too large is an error, too small is 0.
std::optional<float> ParseFloat32(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (!LooksLikeFloat(text)) return std::nullopt;
  auto format = std::chars_format::general;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    if (text.find_first_of("pP") == std::string_view::npos) return std::nullopt;
    text.remove_prefix(2);
    format = std::chars_format::hex;
  }
  float value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, format);
  if (stop != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const size_t exponent = text.find_first_of(format == std::chars_format::hex ? "pP" : "eE");
    const bool tiny = exponent != std::string_view::npos ? text[exponent + 1] == '-'
                                                         : text[0] == '0' || text[0] == '.';
    if (!tiny) return std::nullopt;
    value = 0;
  }
  return negative ? -value : value;
}

// The threshold that containerfs takes over from `source`; the default one where there is none.
Threshold ForContainerFs(Signal signal, const std::optional<Threshold>& source) {
  if (!source) return {.signal = signal, .compares = false};
  Threshold threshold = *source;
  threshold.signal = signal;
  return threshold;
}

std::optional<size_t> LastIndex(const std::vector<Threshold>& thresholds, Signal signal,
                                bool hard) {
  for (size_t i = thresholds.size(); i-- > 0;) {
    if (thresholds[i].signal == signal && thresholds[i].hard() == hard) return i;
  }
  return std::nullopt;
}

bool SameThreshold(const Threshold& a, const Threshold& b) {
  return a.signal == b.signal && a.grace_period == b.grace_period && a.compares == b.compares &&
         a.value == b.value;
}

}  // namespace

Quantity Resolve(const ThresholdValue& value, int64_t capacity) {
  if (value.quantity) return *value.quantity;
  const double amount = static_cast<double>(capacity) * static_cast<double>(value.percentage);
  // Go leaves the conversion of what does not fit open; amd64 gives the smallest integer.
  constexpr double kBound = 9223372036854775808.0;
  if (!(amount > -kBound && amount < kBound)) {
    return Quantity::FromBytes(std::numeric_limits<int64_t>::min());
  }
  return Quantity::FromBytes(static_cast<int64_t>(amount));
}

std::string ToString(const ThresholdValue& value) {
  if (value.quantity) return value.quantity->ToString();
  return fmt::format("{}%", value.percentage * 100);
}

std::string ToString(const Threshold& threshold) {
  const std::string limit =
      fmt::format("{} < {}", ToString(threshold.signal), ToString(threshold.value));
  if (threshold.hard()) return limit + " (hard)";
  return fmt::format("{} for {}", limit, FormatDuration(threshold.grace_period));
}

ThresholdSettings SettingsOf(const KubeletConfiguration& config) {
  ThresholdSettings settings{.hard = config.eviction_hard,
                             .soft = config.eviction_soft,
                             .soft_grace_period = config.eviction_soft_grace_period,
                             .min_reclaim = config.eviction_minimum_reclaim,
                             .enforce_node_allocatable = config.enforce_node_allocatable};
  if (config.merge_default_eviction_settings) {
    const StringMap defaults = KubeletConfiguration::DefaultEvictionHard();
    settings.hard.insert(defaults.begin(), defaults.end());
  }
  return settings;
}

Result<std::vector<Threshold>> ParseThresholds(const ThresholdSettings& settings) {
  std::vector<Threshold> thresholds = TRY(ParseStatements("evictionHard", settings.hard));
  std::vector<Threshold> soft = TRY(ParseStatements("evictionSoft", settings.soft));
  const std::map<Signal, Nanoseconds> grace_periods =
      TRY(ParseSettings("evictionSoftGracePeriod", settings.soft_grace_period, ParseGracePeriod));
  const std::map<Signal, ThresholdValue> min_reclaims =
      TRY(ParseSettings("evictionMinimumReclaim", settings.min_reclaim, ParseMinReclaim));
  for (Threshold& threshold : soft) {
    const auto period = grace_periods.find(threshold.signal);
    if (period == grace_periods.end()) {
      return std::unexpected(
          WithHint(Fail("evictionSoft[{}] has no grace period", ToString(threshold.signal)).error(),
                   fmt::format("set evictionSoftGracePeriod[{}]", ToString(threshold.signal))));
    }
    threshold.grace_period = period->second;
    thresholds.push_back(threshold);
  }
  for (Threshold& threshold : thresholds) {
    const auto found = min_reclaims.find(threshold.signal);
    if (found != min_reclaims.end()) threshold.min_reclaim = found->second;
  }
  const auto& enforced = settings.enforce_node_allocatable;
  if (std::ranges::find(enforced, "pods") == enforced.end()) return thresholds;
  return AddAllocatableThresholds(std::move(thresholds));
}

Result<float> ParsePercentage(std::string_view text) {
  std::string_view number = text;
  while (number.ends_with('%')) number.remove_suffix(1);
  const std::optional<float> value = ParseFloat32(number);
  if (!value) return Fail("\"{}\" is not a percentage", text);
  return *value / 100;
}

std::vector<Threshold> AddAllocatableThresholds(std::vector<Threshold> thresholds) {
  const size_t given = thresholds.size();
  for (size_t i = 0; i < given; ++i) {
    if (thresholds[i].signal != Signal::kMemoryAvailable || !thresholds[i].hard()) continue;
    Threshold duplicate = thresholds[i];
    duplicate.signal = Signal::kAllocatableMemoryAvailable;
    thresholds.push_back(duplicate);
  }
  return thresholds;
}

std::vector<Threshold> UpdateContainerFsThresholds(std::vector<Threshold> thresholds,
                                                   FsLayout layout) {
  // A split container file system without a dedicated imagefs cannot be; upstream then adds
  // nothing.
  if (layout.split_container_fs && !layout.dedicated_image_fs) return thresholds;
  const bool on_nodefs = layout.dedicated_image_fs == layout.split_container_fs;
  const std::array<std::pair<Signal, Signal>, 2> sources = {{
      {Signal::kContainerFsAvailable,
       on_nodefs ? Signal::kNodeFsAvailable : Signal::kImageFsAvailable},
      {Signal::kContainerFsInodesFree,
       on_nodefs ? Signal::kNodeFsInodesFree : Signal::kImageFsInodesFree},
  }};
  const std::vector<Threshold> given = thresholds;
  for (const auto& [signal, source_signal] : sources) {
    for (const bool hard : {true, false}) {
      std::optional<Threshold> source;
      if (const auto i = LastIndex(given, source_signal, hard)) source = given[*i];
      const Threshold threshold = ForContainerFs(signal, source);
      if (const auto i = LastIndex(given, signal, hard)) {
        thresholds[*i] = threshold;
      } else {
        thresholds.push_back(threshold);
      }
    }
  }
  return thresholds;
}

std::vector<Threshold> ThresholdsMet(const std::vector<Threshold>& thresholds,
                                     const SignalObservations& observations,
                                     bool enforce_min_reclaim) {
  std::vector<Threshold> met;
  for (const Threshold& threshold : thresholds) {
    const auto observed = observations.find(threshold.signal);
    if (observed == observations.end() || !threshold.compares) continue;
    Quantity wanted = Resolve(threshold.value, observed->second.capacity);
    if (enforce_min_reclaim && threshold.min_reclaim) {
      wanted += Resolve(*threshold.min_reclaim, observed->second.capacity);
    }
    if (wanted > Quantity::FromUnits(observed->second.available)) met.push_back(threshold);
  }
  return met;
}

std::vector<Threshold> MergeThresholds(std::vector<Threshold> first,
                                       const std::vector<Threshold>& second) {
  for (const Threshold& threshold : second) {
    const auto same = [&](const Threshold& other) { return SameThreshold(threshold, other); };
    if (std::ranges::none_of(first, same)) first.push_back(threshold);
  }
  return first;
}

}  // namespace nodeproof::kubelet::eviction
