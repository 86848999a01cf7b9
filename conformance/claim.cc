#include "conformance/claim.h"

namespace nodeproof::conformance {

std::string_view ToString(ArmRole role) {
  return role == ArmRole::kProtected ? "protected" : "control";
}

Json Describe(const Claim& claim) {
  Json lanes = Json::array({"realtime"});
  if (!claim.needs.realtime) lanes.push_back("deterministic");
  Json needs = {{"controllers", claim.needs.controllers},
                {"cpus", claim.needs.cpus},
                {"threads", claim.needs.threads},
                {"numa_nodes", claim.needs.numa_nodes},
                {"cpus_per_numa_node", claim.needs.cpus_per_numa_node},
                {"last_level_caches", claim.needs.last_level_caches},
                {"memory_only_nodes", claim.needs.memory_only_nodes},
                {"cxl_nodes", claim.needs.cxl_nodes},
                {"memory_bytes", claim.needs.memory.value},
                {"scratch", claim.needs.scratch}};
  if (claim.needs.realtime) needs["why_realtime"] = claim.needs.why_realtime;
  if (claim.needs.whole_node) needs["why_whole_node"] = claim.needs.why_whole_node;
  Json json = {{"id", claim.id},
               {"statement", claim.statement},
               {"source", claim.source},
               {"lanes", std::move(lanes)},
               {"needs", std::move(needs)},
               {"budget_s", 2 * claim.arm_budget.count()},
               {"explanation",
                {{"tree", claim.explanation.tree},
                 {"load", claim.explanation.load},
                 {"expected", claim.explanation.expected},
                 {"tolerance", claim.explanation.tolerance},
                 {"control", claim.explanation.control}}}};
  if (!claim.no_control_reason.empty()) json["no_control_reason"] = claim.no_control_reason;
  return json;
}

}  // namespace nodeproof::conformance
