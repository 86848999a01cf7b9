// Units in types: a number that is bytes cannot be taken for one that is microseconds.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace nodeproof {

using Nanoseconds = std::chrono::nanoseconds;
using Microseconds = std::chrono::microseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::duration<double>;

struct Bytes {
  int64_t value = 0;
  auto operator<=>(const Bytes&) const = default;
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return {a.value + b.value}; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return {a.value - b.value}; }
  friend constexpr Bytes operator*(Bytes a, int64_t factor) { return {a.value * factor}; }
};

struct MilliCpu {
  int64_t value = 0;
  auto operator<=>(const MilliCpu&) const = default;
};

constexpr Bytes KiB(int64_t n) { return {n << 10}; }
constexpr Bytes MiB(int64_t n) { return {n << 20}; }
constexpr Bytes GiB(int64_t n) { return {n << 30}; }

// A size as users type it on the command line: "2G", "512M", "1.5Gi", "4096". The letters K, M, G,
// T are powers of 1024 with or without the "i", as QEMU reads them (Kubernetes quantities, where
// "M" is 10^6, are kubelet::Quantity). Must be positive and whole.
Result<Bytes> ParseSize(std::string_view text);

// "96 MiB", "1.5 GiB", "17 B": the largest unit that leaves at least one.
std::string FormatBytes(Bytes bytes);

// "1.2 s", "350 ms", "4 min 05 s".
std::string FormatDuration(Seconds duration);

}  // namespace nodeproof
