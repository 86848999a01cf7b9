#include "harness/kubelet/plan/plan.h"

#include <algorithm>
#include <iterator>

namespace nodeproof::kubelet {
namespace {

using nlohmann::json;

std::string ListText(const ResourceList& list) {
  std::string text;
  for (const auto& [name, quantity] : list) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, quantity.ToString());
  }
  return text;
}

json ListJson(const ResourceList& list) {
  json object = json::object();
  for (const auto& [name, quantity] : list) object[name] = quantity.ToString();
  return object;
}

std::string Title(const PlannedCgroup& cgroup, const std::map<std::string, QosClass>& qos) {
  if (cgroup.container) {
    const PlannedContainer& container = *cgroup.container;
    const std::string_view kind = container.kind == ContainerKind::kRegular
                                      ? std::string_view("container")
                                      : ToString(container.kind);
    return fmt::format("{} {}", kind, container.name);
  }
  if (cgroup.role == CgroupRole::kPod) {
    const auto found = qos.find(cgroup.pod_uid);
    const std::string pod =
        cgroup.children.empty() ? cgroup.pod_uid : cgroup.children[0].container->pod;
    return fmt::format("pod {}{}", pod,
                       found == qos.end() ? "" : fmt::format(", {}", ToString(found->second)));
  }
  return std::string(ToString(cgroup.role));
}

void RenderCgroup(const PlannedCgroup& cgroup, int depth,
                  const std::map<std::string, QosClass>& qos, std::string& out) {
  const auto line = [&](int extra, std::string_view text) {
    fmt::format_to(std::back_inserter(out), "{:{}}{}\n", "", depth * 2 + extra, text);
  };
  line(0, fmt::format("{}  ({})", cgroup.name.empty() ? "/" : cgroup.name, Title(cgroup, qos)));
  for (const PlannedKnob& knob : cgroup.knobs) {
    line(4, fmt::format("{} {} = {}", knob.file, knob.value, knob.derivation));
  }
  if (cgroup.container) {
    line(4, fmt::format("oom_score_adj {} = {}", cgroup.container->oom_score_adj,
                        cgroup.container->oom_score_adj_derivation));
  }
  for (const PlannedCgroup& child : cgroup.children) RenderCgroup(child, depth + 1, qos, out);
}

json CgroupJson(const PlannedCgroup& cgroup) {
  json knobs = json::array();
  for (const PlannedKnob& knob : cgroup.knobs) {
    knobs.push_back({{"file", knob.file}, {"value", knob.value}, {"derivation", knob.derivation}});
  }
  json children = json::array();
  for (const PlannedCgroup& child : cgroup.children) children.push_back(CgroupJson(child));
  json object{{"name", cgroup.name},
              {"path", cgroup.path},
              {"role", ToString(cgroup.role)},
              {"knobs", std::move(knobs)},
              {"children", std::move(children)}};
  if (!cgroup.pod_uid.empty()) object["pod_uid"] = cgroup.pod_uid;
  if (cgroup.container) {
    const PlannedContainer& container = *cgroup.container;
    object["container"] = {{"pod", container.pod},
                           {"name", container.name},
                           {"id", container.id},
                           {"kind", ToString(container.kind)},
                           {"oom_score_adj", container.oom_score_adj},
                           {"oom_score_adj_derivation", container.oom_score_adj_derivation},
                           {"exclusive_cpus", container.exclusive_cpus},
                           {"memory_nodes", container.memory_nodes}};
  }
  return object;
}

}  // namespace

std::string_view ToString(CgroupRole role) {
  switch (role) {
    case CgroupRole::kRoot:
      return "root";
    case CgroupRole::kSystem:
      return "system";
    case CgroupRole::kNodeSlice:
      return "node slice";
    case CgroupRole::kQos:
      return "QoS";
    case CgroupRole::kPod:
      return "pod";
    case CgroupRole::kContainer:
      return "container";
  }
  return "";
}

std::string_view ToString(ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kRegular:
      return "regular";
    case ContainerKind::kSidecar:
      return "sidecar";
    case ContainerKind::kInit:
      return "init container";
  }
  return "";
}

const PlannedKnob* PlannedCgroup::Knob(std::string_view file) const {
  const auto found = std::ranges::find(knobs, file, &PlannedKnob::file);
  return found == knobs.end() ? nullptr : &*found;
}

std::string RenderPlan(const Plan& plan) {
  std::string out;
  auto append = std::back_inserter(out);
  fmt::format_to(append, "driver       {}, container weights {}\n", ToString(plan.driver),
                 ToString(plan.weight_formula));
  fmt::format_to(append, "capacity     {}\n", ListText(plan.capacity));
  fmt::format_to(append, "allocatable  {}\n\n", ListText(plan.allocatable));
  std::map<std::string, QosClass> qos;
  for (const PlannedPod& pod : plan.pods) {
    qos[pod.uid] = pod.qos;
    fmt::format_to(append, "pod {}  {}{}{}\n", pod.name, ToString(pod.qos),
                   pod.critical ? ", critical" : "",
                   pod.admitted ? "" : fmt::format(", refused: {}: {}", pod.reason, pod.message));
  }
  if (!plan.pods.empty()) out += "\n";
  RenderCgroup(plan.root, 0, qos, out);
  for (const std::string& warning : plan.warnings) {
    fmt::format_to(append, "\nwarning: {}", warning);
  }
  if (!plan.warnings.empty()) out += "\n";
  return out;
}

json PlanToJson(const Plan& plan) {
  json pods = json::array();
  for (const PlannedPod& pod : plan.pods) {
    json object{
        {"name", pod.name},         {"uid", pod.uid},           {"qos_class", ToString(pod.qos)},
        {"critical", pod.critical}, {"admitted", pod.admitted}, {"path", pod.path}};
    if (!pod.admitted) object["refusal"] = {{"reason", pod.reason}, {"message", pod.message}};
    pods.push_back(std::move(object));
  }
  return json{{"driver", ToString(plan.driver)},
              {"weight_formula", ToString(plan.weight_formula)},
              {"capacity", ListJson(plan.capacity)},
              {"allocatable", ListJson(plan.allocatable)},
              {"pods", std::move(pods)},
              {"tree", CgroupJson(plan.root)},
              {"warnings", plan.warnings}};
}

}  // namespace nodeproof::kubelet
