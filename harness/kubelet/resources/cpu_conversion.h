// CPU requests and limits as the kernel takes them: shares, cpu.weight, CFS quota and period.
#pragma once

#include <cstdint>
#include <string>

#include "harness/base/units.h"

namespace nodeproof::kubelet {

// shares -> cpu.weight of the container runtime (the kubelet itself is always linear): runc and
// crun with opencontainers/cgroups >= v0.0.3 are quadratic.
enum class WeightFormula { kLinear, kQuadratic };
std::string_view ToString(WeightFormula formula);

// pkg/kubelet/cm/helpers_linux.go, v1.36.
inline constexpr int64_t kMinShares = 2;
inline constexpr int64_t kMaxShares = 262144;
inline constexpr int64_t kSharesPerCpu = 1024;
inline constexpr int64_t kMinQuotaUsec = 1000;
inline constexpr Microseconds kDefaultQuotaPeriod{100'000};
inline constexpr int64_t kNoQuota = -1;
inline constexpr int64_t kMaxWeight = 10000;

// cpu.shares of a request: 1024 a CPU, within 2..262144 (MilliCPUToShares).
int64_t MilliCpuToShares(MilliCpu cpu);

// CFS quota in microseconds of a limit: 0 for no limit, else limit x period, at least 1000 whatever
// the period (MilliCPUToQuota).
int64_t MilliCpuToQuota(MilliCpu limit, Microseconds period);

// Back again (SharesToMilliCPU, QuotaToMilliCPU): 0 for shares below 2, and for quota -1.
MilliCpu SharesToMilliCpu(int64_t shares);
MilliCpu QuotaToMilliCpu(int64_t quota_usec, Microseconds period);

// cpu.weight of the node, QoS and pod cgroups, which the kubelet writes: 1 + (shares - 2) x 9999 /
// 262142, and 10000 from 262144 shares on (cgroup_manager_linux.go getCPUWeight).
int64_t SharesToWeightByKubelet(int64_t shares);

// cpu.weight of a container cgroup, which the runtime writes. 0 shares are 0: not written.
//   linear     opencontainers/cgroups before v0.0.3
//   quadratic  since: 10^((l^2 + 125 l) / 612 - 7/34) rounded up, l = log2(shares), which puts 1024
//              shares at weight 100
int64_t SharesToWeightByRuntime(int64_t shares, WeightFormula formula);

// The shares that the kubelet reads back from a weight (cgroup_v2_manager_linux.go).
int64_t WeightToShares(int64_t weight);

// "1 + (2048 - 2) x 9999 / 262142" and the like: how SharesToWeightBy… came to its value.
std::string WeightDerivationByKubelet(int64_t shares);
std::string WeightDerivationByRuntime(int64_t shares, WeightFormula formula);

// The systemd driver rounds a positive quota up to a whole percent of a CPU, as CPUQuotaPerSecUSec
// takes it (opencontainers/cgroups systemd). Other quotas are returned unchanged.
int64_t RoundQuotaForSystemd(int64_t quota_usec, Microseconds period);

// cpu.max: "200000 100000", or "max 100000" for a quota <= 0.
std::string CpuMax(int64_t quota_usec, Microseconds period);

}  // namespace nodeproof::kubelet
