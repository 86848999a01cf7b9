// Kubernetes quantities ("500m", "1.5Gi", "1e3"): exact fixed-point numbers, as
// staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go (v1.36) defines them.
//
// A value is kept in units of 1e-9 in 128 bits, which is the resolution upstream has; finer input
// is rounded away from zero, so that who asks for something gets something.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace nodeproof::kubelet {

class Quantity {
 public:
  constexpr Quantity() = default;

  // Reads <signed number><suffix>, where the suffix is one of n u m k M G T P E, Ki Mi Gi Ti Pi Ei,
  // e<exponent> or nothing. Non-canonical forms ("0.5", "1e3", "1024Ki") are accepted as the API
  // does; a binary-suffixed value above 2^63-1 is capped to it, as upstream does. Errors: anything
  // else, and magnitudes above 1e24 (no node has that much of anything).
  static Result<Quantity> Parse(std::string_view text);

  // A whole number of units (bytes, CPUs, pids). Binary: written with Ki, Mi, …
  static constexpr Quantity FromUnits(int64_t units) {
    return Quantity(static_cast<__int128>(units) * kNanosPerUnit, Format::kDecimal);
  }
  static constexpr Quantity FromBytes(int64_t bytes) {
    return Quantity(static_cast<__int128>(bytes) * kNanosPerUnit, Format::kBinary);
  }
  static constexpr Quantity FromMilli(int64_t milli) {
    return Quantity(static_cast<__int128>(milli) * (kNanosPerUnit / 1000), Format::kDecimal);
  }

  // The value in units, rounded away from zero: 0.5 -> 1, 100.1 -> 101. Values outside int64 give
  // the nearest int64.
  int64_t Value() const { return Scaled(kNanosPerUnit); }
  // The value in thousandths, rounded away from zero: "0.5m" -> 1; saturates as Value() does.
  int64_t MilliValue() const { return Scaled(kNanosPerUnit / 1000); }

  bool IsZero() const { return nanos_ == 0; }
  bool IsNegative() const { return nanos_ < 0; }
  bool IsPositive() const { return nanos_ > 0; }
  // False for "0.5": a part of a unit, which integer resources (hugepages, devices) refuse.
  bool IsWhole() const { return nanos_ % kNanosPerUnit == 0; }
  // The nearest double, in units.
  double ToDouble() const;

  // Rounded away from zero to a multiple of 1m: the API server's default for every resource.
  Quantity RoundedUpToMilli() const;

  // The canonical form: no fraction, the largest suffix of the family it was written in
  // ("1.5Gi" -> "1536Mi", "0.5" -> "500m", "1e3" -> "1k").
  std::string ToString() const;

  // Comparisons are by value; how it was written does not matter. Sums saturate.
  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nanos_ == b.nanos_; }
  friend std::strong_ordering operator<=>(const Quantity& a, const Quantity& b) {
    return a.nanos_ <=> b.nanos_;
  }
  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);
  friend Quantity operator+(Quantity a, const Quantity& b) { return a += b; }
  friend Quantity operator-(Quantity a, const Quantity& b) { return a -= b; }

 private:
  enum class Format : uint8_t { kDecimal, kBinary };
  static constexpr int64_t kNanosPerUnit = 1'000'000'000;

  constexpr Quantity(__int128 nanos, Format format) : nanos_(nanos), format_(format) {}
  int64_t Scaled(int64_t nanos_per_step) const;

  __int128 nanos_ = 0;
  Format format_ = Format::kDecimal;
};

}  // namespace nodeproof::kubelet
