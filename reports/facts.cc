#include "reports/facts.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <string_view>

#include "harness/base/units.h"
#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

// The value at "a.b" below `json`, or null.
const Json* At(const Json& json, std::string_view path) {
  const Json* here = &json;
  while (!path.empty()) {
    const size_t dot = path.find('.');
    const std::string field(path.substr(0, dot));
    if (!here->is_object()) return nullptr;
    const auto found = here->find(field);
    if (found == here->end()) return nullptr;
    here = &*found;
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
  }
  return here;
}

bool IsScalar(const Json& json) { return !json.is_structured(); }

// Any JSON value as one printable line.
std::string Shown(const Json& json) {
  if (json.is_null()) return "none";
  if (json.is_boolean()) return json.get<bool>() ? "yes" : "no";
  if (json.is_string()) return Printable(json.get_ref<const std::string&>());
  if (json.is_number_integer()) return json.dump();
  if (json.is_number()) return fmt::format("{}", json.get<double>());
  std::string text;
  for (const auto& item : json.items()) {
    if (!text.empty()) text += ", ";
    if (json.is_object()) text += Printable(item.key()) + "=";
    text += IsScalar(item.value()) ? Shown(item.value()) : "(" + Shown(item.value()) + ")";
  }
  return text;
}

// A field named "…bytes", or a page size, in a unit people read.
std::string ShownBytes(const Json& json) {
  if (!json.is_number_integer()) return Shown(json);
  const auto bytes = json.get<double>();
  if (std::abs(bytes) > 9e18) return Shown(json);
  return FormatBytes(Bytes{json.get<int64_t>()});
}

struct Known {
  const char* path;
  const char* label;
  bool bytes = false;
};

struct KnownGroup {
  const char* title;
  const char* member;  // of the node object; "" for the node's own fields
  std::vector<Known> facts;
};

const std::vector<KnownGroup>& KnownGroups() {
  static const std::vector<KnownGroup> groups = {
      {"Kernel",
       "kernel",
       {{"release", "release"}, {"version", "version"}, {"cmdline", "command line"}}},
      {"CPU",
       "cpu",
       {{"model", "model"}, {"count", "CPUs"}, {"online", "online"}, {"topology", "topology"}}},
      {"Memory",
       "memory",
       {{"total_bytes", "total", true},
        {"page_size", "page size", true},
        {"swap_bytes", "swap", true},
        {"thp", "THP"},
        {"mglru", "MGLRU"}}},
      {"cgroup",
       "cgroup",
       {{"mount", "mounted on"}, {"options", "mount options"}, {"controllers", "controllers"}}},
      {"VM",
       "vm",
       {{"accelerator", "accelerator"}, {"qemu", "QEMU"}, {"shape", "shape"}, {"boots", "boots"}}},
  };
  return groups;
}

// The names of the shapes that were booted, when there were several: "default, four".
std::string ShapesOf(const Json& node) {
  const Json* shapes = At(node, "shapes");
  if (shapes == nullptr || !shapes->is_object() || shapes->size() < 2) return "";
  std::string names;
  for (const auto& shape : shapes->items()) {
    names += (names.empty() ? "" : ", ") + Printable(shape.key());
  }
  return names;
}

// "2 sockets, 4 cores, 8 threads, 2 last-level caches" of the list of CPU places.
std::string Topology(const Json& places) {
  if (!places.is_array()) return Shown(places);
  std::set<std::string> sockets;
  std::set<std::string> cores;
  std::set<std::string> caches;
  for (const Json& place : places) {
    const Json* socket = At(place, "socket");
    const Json* core = At(place, "core");
    const Json* cache = At(place, "llc");
    if (socket == nullptr || core == nullptr) return Shown(places);
    sockets.insert(Shown(*socket));
    cores.insert(Shown(*socket) + ":" + Shown(*core));
    if (cache != nullptr) caches.insert(Shown(*cache));
  }
  const auto count = [](size_t number, const char* what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
  };
  std::string text = count(sockets.size(), "socket") + ", " + count(cores.size(), "core") + ", " +
                     count(places.size(), "thread");
  if (!caches.empty()) text += ", " + count(caches.size(), "last-level cache");
  return text;
}

// One memory node: "CPUs 0-1; 768 MiB; distances 10, 21, 30; tier 4".
std::string MemoryNode(const Json& node) {
  if (!node.is_object()) return Shown(node);
  std::string text;
  for (const auto& item : node.items()) {
    if (item.key() == "id") continue;
    const bool bytes = item.key().ends_with("bytes");
    const std::string label =
        item.key() == "size_bytes" ? "" : (item.key() == "cpus" ? "CPUs" : Printable(item.key()));
    std::string value = bytes ? ShownBytes(item.value()) : Shown(item.value());
    if (value.empty()) value = "none";
    text += (text.empty() ? "" : "; ") + (label.empty() ? value : label + " " + value);
  }
  return text;
}

void AddMemoryNodes(const Json& nodes, FactGroup& group) {
  if (!nodes.is_array()) {
    group.facts.emplace_back("nodes", Shown(nodes));
    return;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Json* id = At(nodes[i], "id");
    group.facts.emplace_back("node " + (id ? Shown(*id) : fmt::format("{}", i)),
                             MemoryNode(nodes[i]));
  }
}

FactGroup GroupOf(const KnownGroup& known, const Json& member) {
  FactGroup group{known.title, {}};
  if (!member.is_object()) {
    group.facts.emplace_back("", Shown(member));
    return group;
  }
  Json rest = member;
  for (const Known& fact : known.facts) {
    const auto at = rest.find(fact.path);
    if (at == rest.end()) continue;
    const bool topology = std::string_view(fact.path) == "topology";
    group.facts.emplace_back(fact.label, fact.bytes ? ShownBytes(*at)
                                         : topology ? Topology(*at)
                                                    : Shown(*at));
    rest.erase(at);
  }
  const bool memory = std::string_view(known.member) == "memory";
  const bool kernel = std::string_view(known.member) == "kernel";
  for (const auto& item : rest.items()) {
    if (memory && item.key() == "nodes") {
      AddMemoryNodes(item.value(), group);
    } else if (kernel && item.key() == "config") {
      continue;  // a group of its own
    } else {
      group.facts.emplace_back(Printable(item.key()), Shown(item.value()));
    }
  }
  return group;
}

// Of a run on several shapes, what each was: a group a shape.
std::vector<FactGroup> ShapeGroups(const Json& node) {
  std::vector<FactGroup> groups;
  if (ShapesOf(node).empty()) return groups;
  for (const auto& shape : node.at("shapes").items()) {
    FactGroup group{"Shape " + Printable(shape.key()), {}};
    const auto add = [&](const char* path, const char* label) {
      if (const Json* fact = At(shape.value(), path)) group.facts.emplace_back(label, Shown(*fact));
    };
    add("cpu.count", "CPUs");
    if (const Json* places = At(shape.value(), "cpu.topology")) {
      group.facts.emplace_back("topology", Topology(*places));
    }
    if (const Json* nodes = At(shape.value(), "memory.nodes")) AddMemoryNodes(*nodes, group);
    add("vm.accelerator", "accelerator");
    add("vm.boots", "boots");
    groups.push_back(std::move(group));
  }
  return groups;
}

void Flatten(const Json& json, const std::string& name,
             std::vector<std::pair<std::string, std::string>>& out) {
  if (!json.is_object()) {
    out.emplace_back(name, Shown(json));
    return;
  }
  for (const auto& item : json.items())
    Flatten(item.value(), name + "." + Printable(item.key()), out);
}

}  // namespace

std::vector<FactGroup> NodeFacts(const Json& node) {
  std::vector<FactGroup> groups;
  if (!node.is_object()) return groups;
  FactGroup other{"Node", {}};
  Json rest = node;
  for (const KnownGroup& known : KnownGroups()) {
    const auto member = rest.find(known.member);
    if (member == rest.end() || member->is_null()) continue;
    groups.push_back(GroupOf(known, *member));
    rest.erase(member);
  }
  std::vector<FactGroup> shapes = ShapeGroups(node);
  rest.erase("shapes");
  for (const auto& item : rest.items()) {
    other.facts.emplace_back(Printable(item.key()), Shown(item.value()));
  }
  std::move(shapes.begin(), shapes.end(), std::back_inserter(groups));
  if (!other.facts.empty()) groups.insert(groups.begin(), std::move(other));
  const Json* config = At(node, "kernel.config");
  if (config != nullptr && !config->empty()) {
    FactGroup group{"Kernel configuration", {}};
    if (config->is_object()) {
      for (const auto& item : config->items()) {
        group.facts.emplace_back(Printable(item.key()), Shown(item.value()));
      }
    } else {
      group.facts.emplace_back("", Shown(*config));
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<std::pair<std::string, std::string>> FlatNodeFacts(const Json& node) {
  Json without_config = node;
  if (At(node, "kernel.config") != nullptr) without_config["kernel"].erase("config");
  std::vector<std::pair<std::string, std::string>> flat;
  if (node.is_object() && !node.empty()) Flatten(without_config, "node", flat);
  return flat;
}

std::string NodeLine(const Json& node) {
  const Json* release = At(node, "kernel.release");
  std::string line = release ? "Linux " + Shown(*release) : "a node of unknown kernel";
  const Json* kind = At(node, "kind");
  if (kind != nullptr && *kind == "vm") {
    const Json* accelerator = At(node, "vm.accelerator");
    line += accelerator ? " in a VM (" + Shown(*accelerator) + ")" : " in a VM";
  } else if (kind != nullptr && *kind == "host") {
    line += " on the host";
  }
  if (const std::string shapes = ShapesOf(node); !shapes.empty())
    return line + ", shapes " + shapes;
  const Json* count = At(node, "cpu.count");
  if (count != nullptr) line += fmt::format(", {} CPU{}", Shown(*count), *count == 1 ? "" : "s");
  const Json* total = At(node, "memory.total_bytes");
  if (total != nullptr) line += ", " + ShownBytes(*total);
  return line;
}

}  // namespace nodeproof::reports
