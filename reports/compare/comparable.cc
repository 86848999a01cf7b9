#include "reports/compare/comparable.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "harness/base/file.h"
#include "reports/facts.h"
#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Results;

// A fact as one line; "nothing" where the run does not say.
std::string FactText(const Json& node, std::string_view path) {
  const Json* at = &node;
  for (const std::string_view part : Split(path, '.')) {
    const auto next = at->is_object() ? at->find(part) : at->end();
    if (!at->is_object() || next == at->end()) return "nothing";
    at = &*next;
  }
  if (at->is_string()) return Printable(at->get_ref<const std::string&>());
  return Printable(DumpJson(*at).value_or("a number that is not finite"));
}

void AddIfDifferent(const std::string& what, const std::string& a, const std::string& b,
                    std::vector<std::string>& lines) {
  if (a != b) lines.push_back(fmt::format("{}: A has {}, B has {}", what, a, b));
}

// The memory that a kernel leaves of the same machine varies with its own size.
void AddMemory(const std::string& where, const Json& a, const Json& b,
               std::vector<std::string>& lines) {
  constexpr double kKernelsOwn = 0.05;
  const auto total = [](const Json& node) {
    const auto number = ParseUint(FactText(node, "memory.total_bytes"));
    return number ? static_cast<double>(*number) : 0.0;
  };
  if (std::abs(total(a) - total(b)) > kKernelsOwn * std::max(total(a), total(b))) {
    AddIfDifferent(where + "memory", FactText(a, "memory.total_bytes") + " bytes",
                   FactText(b, "memory.total_bytes") + " bytes", lines);
  }
}

// A shape is an object of its own; each field that differs is a line.
void AddShape(const std::string& where, const Json& a, const Json& b,
              std::vector<std::string>& lines) {
  const auto fields = [](const Json& node) {
    std::map<std::string, std::string> of_shape;
    constexpr std::string_view kPrefix = "node.vm.shape";
    for (const auto& [path, value] : FlatNodeFacts(node)) {
      if (path.starts_with(kPrefix)) of_shape["VM shape" + path.substr(kPrefix.size())] = value;
    }
    return of_shape;
  };
  const auto of_a = fields(a);
  auto of_b = fields(b);
  for (const auto& [name, value] : of_a) {
    AddIfDifferent(where + name, value, of_b.contains(name) ? of_b[name] : "nothing", lines);
    of_b.erase(name);
  }
  for (const auto& [name, value] : of_b) AddIfDifferent(where + name, "nothing", value, lines);
}

// "2 nodes, distances [10,21] [21,10]"
std::string NumaText(const Json& node) {
  const Json memory = node.is_object() ? node.value("memory", Json()) : Json();
  const Json nodes = memory.is_object() ? memory.value("nodes", Json()) : Json();
  if (!nodes.is_array()) return "nothing";
  std::string text = fmt::format("{} node{}", nodes.size(), nodes.size() == 1 ? "" : "s");
  for (const Json& each : nodes) text += " " + FactText(each, "distances");
  return text;
}

std::string SwapText(const Json& node) {
  const std::string bytes = FactText(node, "memory.swap_bytes");
  return bytes == "0" || bytes == "nothing" ? "no swap" : "swap";
}

// What is known of the hardware: of the node, or of one shape of a run on several.
void AddHardware(const std::string& where, const Json& a, const Json& b,
                 std::vector<std::string>& lines) {
  constexpr std::pair<const char*, const char*> kFacts[] = {{"accelerator", "vm.accelerator"},
                                                            {"CPUs", "cpu.count"},
                                                            {"CPU model", "cpu.model"},
                                                            {"page size", "memory.page_size"}};
  for (const auto& [what, path] : kFacts) {
    AddIfDifferent(where + what, FactText(a, path), FactText(b, path), lines);
  }
  AddShape(where, a, b, lines);
  AddMemory(where, a, b, lines);
  AddIfDifferent(where + "NUMA", NumaText(a), NumaText(b), lines);
  AddIfDifferent(where + "swap", SwapText(a), SwapText(b), lines);
}

// The facts of each shape of a run on VMs, or null.
const Json* ShapesOf(const Json& node) {
  const auto at = node.is_object() ? node.find("shapes") : node.end();
  return node.is_object() && at != node.end() && at->is_object() ? &*at : nullptr;
}

}  // namespace

std::vector<std::string> RunDifferences(const Results& a, const Results& b) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& what, const std::string& of_a, const std::string& of_b) {
    AddIfDifferent(what, of_a, of_b, lines);
  };
  add("nodeproof version", Printable(a.run.version), Printable(b.run.version));
  add("lane", Printable(a.run.lane), Printable(b.run.lane));
  add("seed", std::to_string(a.run.seed), std::to_string(b.run.seed));
  add("control arms", a.run.control ? "them" : "none", b.run.control ? "them" : "none");
  add("node", FactText(a.node, "kind"), FactText(b.node, "kind"));
  add("cgroup driver", FactText(a.node, "runtime.cgroup_driver"),
      FactText(b.node, "runtime.cgroup_driver"));
  const Json* shapes_a = ShapesOf(a.node);
  const Json* shapes_b = ShapesOf(b.node);
  if (shapes_a == nullptr || shapes_b == nullptr) {
    AddHardware("", a.node, b.node, lines);
  } else {
    for (const auto& shape : shapes_a->items()) {
      const auto at = shapes_b->find(shape.key());
      if (at == shapes_b->end()) continue;  // claims that ran there are on one side only
      AddHardware(Printable(shape.key()) + ": ", shape.value(), *at, lines);
    }
  }
  for (const auto& [name, run] : {std::pair("A", &a.run), std::pair("B", &b.run)}) {
    if (!run->complete) lines.push_back(fmt::format("{} did not complete", name));
  }
  return lines;
}

std::vector<std::string> ClaimDifferences(const Results& a, const Results& b) {
  std::map<std::string, const Claim*> first;
  for (const Claim& claim : a.claims) {
    if (claim.protected_arm) first.emplace(claim.id, &claim);
  }
  std::vector<std::string> lines;
  for (const Claim& claim : b.claims) {
    const auto at = first.find(claim.id);
    if (at == first.end() || !claim.protected_arm) continue;
    AddIfDifferent(Printable(claim.id) + ": VM shape", Quoted(at->second->shape),
                   Quoted(claim.shape), lines);
    AddIfDifferent(Printable(claim.id) + ": the protected arm",
                   Quoted(at->second->protected_arm->description),
                   Quoted(claim.protected_arm->description), lines);
    first.erase(at);  // one line a claim, however often it ran
  }
  return lines;
}

}  // namespace nodeproof::reports
