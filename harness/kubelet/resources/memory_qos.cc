#include "harness/kubelet/resources/memory_qos.h"

#include <cmath>
#include <limits>

namespace nodeproof::kubelet {
namespace {

constexpr const char* kMemoryMin = "memory.min";
constexpr const char* kMemoryLow = "memory.low";
constexpr const char* kMemoryHigh = "memory.high";

std::string Text(Bytes bytes) { return std::to_string(bytes.value); }

int64_t ToInt64(double value) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (value >= kLimit) return std::numeric_limits<int64_t>::max();
  return value < 0 ? 0 : static_cast<int64_t>(value);
}

// The knob that protects a pod or container of this class: 1.36 only promises Guaranteed.
const char* ProtectionKnob(QosClass qos, const MemoryQosSettings& settings) {
  const bool tiered = settings.generation == MemoryQosGeneration::k1_36;
  return tiered && qos != QosClass::kGuaranteed ? kMemoryLow : kMemoryMin;
}

bool Protects(const MemoryQosSettings& settings) {
  return settings.generation != MemoryQosGeneration::k1_36 ||
         settings.policy == MemoryReservationPolicy::kTieredReservation;
}

}  // namespace

std::string_view ToString(MemoryQosGeneration generation) {
  switch (generation) {
    case MemoryQosGeneration::k1_22:
      return "1.22";
    case MemoryQosGeneration::k1_27:
      return "1.27";
    case MemoryQosGeneration::k1_36:
      return "1.36";
  }
  return "";
}

double DefaultThrottlingFactor(MemoryQosGeneration generation) {
  return generation == MemoryQosGeneration::k1_22 ? 0.8 : 0.9;
}

std::optional<Bytes> MemoryHigh(Bytes request, Bytes limit, const MemoryQosSettings& settings) {
  const Bytes top = limit.value != 0 ? limit : settings.node_allocatable_memory;
  if (top.value <= 0) return std::nullopt;
  if (settings.generation == MemoryQosGeneration::k1_22) {
    const int64_t high = ToInt64(static_cast<double>(top.value) * settings.throttling_factor);
    return high > request.value ? std::optional(Bytes{high}) : std::nullopt;
  }
  if (request == limit || settings.page_size.value <= 0) return std::nullopt;
  const auto from = static_cast<double>(request.value);
  const double throttle =
      std::floor(from + (static_cast<double>(top.value) - from) * settings.throttling_factor);
  const int64_t high = ToInt64(throttle) / settings.page_size.value * settings.page_size.value;
  return high != 0 && high > request.value ? std::optional(Bytes{high}) : std::nullopt;
}

UnifiedKnobs ContainerMemoryQos(QosClass qos, Bytes request, Bytes limit,
                                const MemoryQosSettings& settings) {
  UnifiedKnobs knobs;
  if (request.value != 0 && Protects(settings)) {
    knobs[ProtectionKnob(qos, settings)] = Text(request);
  } else if (settings.generation == MemoryQosGeneration::k1_36) {
    knobs.emplace(kMemoryMin, "0");
    knobs.emplace(kMemoryLow, "0");
  }
  if (const std::optional<Bytes> high = MemoryHigh(request, limit, settings)) {
    knobs[kMemoryHigh] = Text(*high);
  }
  return knobs;
}

UnifiedKnobs PodMemoryQos(QosClass qos, Bytes request, const MemoryQosSettings& settings) {
  if (request.value <= 0 || !Protects(settings)) return {};
  return {{ProtectionKnob(qos, settings), Text(request)}};
}

QosMemoryProtection QosLevelMemoryProtection(Bytes guaranteed_requests, Bytes burstable_requests,
                                             const MemoryQosSettings& settings) {
  const Bytes both = guaranteed_requests + burstable_requests;
  QosMemoryProtection protection;
  if (settings.generation == MemoryQosGeneration::k1_36) {
    const bool tiered = Protects(settings);
    protection.kubepods[kMemoryMin] = tiered ? Text(both) : "0";
    protection.burstable[kMemoryLow] = tiered ? Text(burstable_requests) : "0";
    return protection;
  }
  if (both.value > 0) protection.kubepods[kMemoryMin] = Text(both);
  if (burstable_requests.value > 0) protection.burstable[kMemoryMin] = Text(burstable_requests);
  return protection;
}

}  // namespace nodeproof::kubelet
