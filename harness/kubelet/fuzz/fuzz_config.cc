// KubeletConfigurations and node descriptions: any text parses or gives an error, and what parses
// can be planned with, or is refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/plan/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace nodeproof::kubelet;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (const auto node = ParseNodeSpec(text)) {
    const auto plan = MakePlan(*node, {}, {});
    if (plan) RenderPlan(*plan);
  }
  const auto parsed = ParseKubeletConfiguration(text);
  if (!parsed) {
    if (parsed.error().message.empty()) std::abort();
    return 0;
  }
  if (!ValidateKubeletConfiguration(parsed->config)) std::abort();
  Pod pod;
  pod.name = "p";
  pod.uid = "1";
  pod.containers.push_back({"c", "", {}, "", {}});
  const auto plan = MakePlan(SimpleNode(8, int64_t{16} << 30), parsed->config, {pod});
  if (plan) RenderPlan(*plan);
  return 0;
}
