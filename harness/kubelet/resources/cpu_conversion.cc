#include "harness/kubelet/resources/cpu_conversion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nodeproof::kubelet {
namespace {

int64_t Saturate(__int128 value) {
  return static_cast<int64_t>(
      std::min(value, static_cast<__int128>(std::numeric_limits<int64_t>::max())));
}

int64_t LinearWeight(int64_t shares) {
  return 1 + (shares - kMinShares) * (kMaxWeight - 1) / (kMaxShares - kMinShares);
}

int64_t QuadraticWeight(int64_t shares) {
  const double l = std::log2(static_cast<double>(shares));
  const double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<int64_t>(std::ceil(std::pow(10, exponent)));
}

}  // namespace

std::string_view ToString(WeightFormula formula) {
  return formula == WeightFormula::kLinear ? "linear" : "quadratic";
}

int64_t MilliCpuToShares(MilliCpu cpu) {
  if (cpu.value == 0) return kMinShares;
  return std::clamp(Saturate(static_cast<__int128>(cpu.value) * kSharesPerCpu / 1000), kMinShares,
                    kMaxShares);
}

int64_t MilliCpuToQuota(MilliCpu limit, Microseconds period) {
  if (limit.value == 0) return 0;
  return std::max(Saturate(static_cast<__int128>(limit.value) * period.count() / 1000),
                  kMinQuotaUsec);
}

MilliCpu SharesToMilliCpu(int64_t shares) {
  if (shares < kMinShares) return {0};
  return {Saturate((static_cast<__int128>(shares) * 1000 + kSharesPerCpu - 1) / kSharesPerCpu)};
}

MilliCpu QuotaToMilliCpu(int64_t quota_usec, Microseconds period) {
  if (quota_usec == kNoQuota || period.count() == 0) return {0};
  return {Saturate(static_cast<__int128>(quota_usec) * 1000 / period.count())};
}

int64_t SharesToWeightByKubelet(int64_t shares) {
  if (shares >= kMaxShares) return kMaxWeight;
  return LinearWeight(std::max(shares, kMinShares));
}

int64_t SharesToWeightByRuntime(int64_t shares, WeightFormula formula) {
  if (shares == 0) return 0;
  if (shares <= kMinShares) return 1;
  if (shares >= kMaxShares) return kMaxWeight;
  return formula == WeightFormula::kLinear ? LinearWeight(shares) : QuadraticWeight(shares);
}

int64_t WeightToShares(int64_t weight) {
  return (weight - 1) * (kMaxShares - kMinShares) / (kMaxWeight - 1) + kMinShares;
}

std::string WeightDerivationByKubelet(int64_t shares) {
  if (shares >= kMaxShares) return fmt::format("{} shares are at the top of the range", shares);
  return fmt::format("1 + ({} - 2) x 9999 / 262142", shares);
}

std::string WeightDerivationByRuntime(int64_t shares, WeightFormula formula) {
  if (shares <= kMinShares) return fmt::format("{} shares are at the bottom of the range", shares);
  if (formula == WeightFormula::kLinear || shares >= kMaxShares) {
    return WeightDerivationByKubelet(shares);
  }
  return fmt::format("10^((l^2 + 125 l) / 612 - 7/34) rounded up, l = log2({})", shares);
}

int64_t RoundQuotaForSystemd(int64_t quota_usec, Microseconds period) {
  constexpr int64_t kUsecPerSecond = 1'000'000;
  constexpr int64_t kOnePercent = 10'000;  // of a CPU, in microseconds a second
  if (quota_usec <= 0 || period.count() <= 0) return quota_usec;
  const __int128 per_second = static_cast<__int128>(quota_usec) * kUsecPerSecond / period.count();
  if (per_second % kOnePercent == 0) return quota_usec;
  const __int128 rounded = (per_second / kOnePercent + 1) * kOnePercent;
  return Saturate(rounded * period.count() / kUsecPerSecond);
}

std::string CpuMax(int64_t quota_usec, Microseconds period) {
  if (quota_usec <= 0) return fmt::format("max {}", period.count());
  return fmt::format("{} {}", quota_usec, period.count());
}

}  // namespace nodeproof::kubelet
