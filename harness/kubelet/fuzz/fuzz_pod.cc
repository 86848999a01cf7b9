// Manifests: any text parses or gives one line of error, and what parses can be planned.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/kubelet/api/parse_pods.h"
#include "harness/kubelet/plan/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace nodeproof::kubelet;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto strict = ParsePods(text, {.strict = true});
  const auto parsed = ParsePods(text);
  if (strict && !parsed) std::abort();
  if (!parsed) {
    if (parsed.error().message.empty()) std::abort();
    return 0;
  }
  const NodeSpec node = SimpleNode(8, int64_t{16} << 30);
  const auto plan = MakePlan(node, {}, parsed->pods);
  if (plan && *plan != *MakePlan(node, {}, parsed->pods)) std::abort();
  if (plan) RenderPlan(*plan);
  return 0;
}
