// Quantities: whatever parses prints canonically and reads back as the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/kubelet/api/quantity.h"

using nodeproof::kubelet::Quantity;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto value = Quantity::Parse(text);
  if (!value) {
    if (value.error().message.empty()) std::abort();
    return 0;
  }
  const auto again = Quantity::Parse(value->ToString());
  if (!again || *again != *value || again->ToString() != value->ToString()) std::abort();
  // Rounding is away from zero, so no value shrinks.
  if (value->IsPositive() && (value->Value() < 1 || value->MilliValue() < value->Value()))
    std::abort();
  Quantity sum = *value;
  sum += *value;
  sum -= *value;
  if (sum != *value || value->RoundedUpToMilli().MilliValue() != value->MilliValue()) std::abort();
  return 0;
}
