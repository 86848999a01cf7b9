#include "cli/shape_choice.h"

#include <algorithm>
#include <thread>
#include <tuple>

#include "harness/topology/cpu_set.h"

namespace nodeproof::cli {

Result<CpuLayout> LayoutOf(const node::VmShape& shape) {
  CpuLayout layout{.cpus = shape.cpus(),
                   .threads = shape.threads,
                   .sockets = shape.sockets,
                   .numa_nodes = 1,
                   .last_level_caches = shape.sockets * shape.dies,
                   .cpus_per_numa_node = shape.cpus(),
                   .memory_only_nodes = 0,
                   .cxl_nodes = 0};
  int nodes = 0;
  for (const node::NumaNode& numa : shape.nodes) {
    const auto cpus = CpuSet::Parse(numa.cpus);
    if (!cpus) return Fail("shape {}: numa: {}", shape.name, cpus.error().message);
    if (cpus->empty()) {
      ++layout.memory_only_nodes;
      continue;
    }
    ++nodes;
    layout.cpus_per_numa_node = std::min(layout.cpus_per_numa_node, static_cast<int>(cpus->size()));
  }
  layout.numa_nodes = std::max(nodes, 1);
  if (shape.cxl_memory.value > 0) {
    ++layout.memory_only_nodes;
    layout.cxl_nodes = 1;
  }
  return layout;
}

std::string_view FirstShape(node::Lane lane) {
  return lane == node::Lane::kDeterministic ? "one" : "default";
}

Result<std::vector<node::VmShape>> ShapesBySize(node::Lane lane) {
  std::vector<node::VmShape> shapes;
  for (const std::string& name : node::ShapeNames()) {
    shapes.push_back(TRY(node::FindShape(name)));
  }
  const auto size = [lane](const node::VmShape& shape) {
    return std::tuple(shape.name != FirstShape(lane),
                      shape.name != FirstShape(node::Lane::kRealtime), shape.cxl_memory.value > 0,
                      shape.cpus(), shape.nodes.size(), shape.name);
  };
  std::sort(shapes.begin(), shapes.end(),
            [&](const auto& a, const auto& b) { return size(a) < size(b); });
  return shapes;
}

Result<std::string> ChooseShape(const CatalogEntry& claim,
                                const std::vector<node::VmShape>& shapes) {
  for (const node::VmShape& shape : shapes) {
    // What a guest needs for itself comes on top of what the claim's capsule needs.
    if (shape.memory < claim.needs_memory + node::kMinMemory) continue;
    if (Shortcoming(claim.needs_layout, TRY(LayoutOf(shape))).empty()) return shape.name;
  }
  return "";
}

int MostCpusOfAGuest() {
  return std::max(4, 2 * static_cast<int>(std::thread::hardware_concurrency()));
}

Result<WorkPlan> PlanWork(const std::vector<const CatalogEntry*>& claims, int repeat, int most_cpus,
                          node::Lane lane) {
  const std::vector<node::VmShape> all = TRY(ShapesBySize(lane));
  std::vector<node::VmShape> shapes = all;
  std::erase_if(shapes, [&](const node::VmShape& shape) { return shape.cpus() > most_cpus; });
  WorkPlan plan;
  std::vector<std::pair<std::string, std::vector<const CatalogEntry*>>> groups;
  for (const CatalogEntry* claim : claims) {
    std::string shape = TRY(ChooseShape(*claim, shapes));
    if (shape.empty()) {
      shape = FirstShape(lane);
      if (const std::string larger = TRY(ChooseShape(*claim, all)); !larger.empty()) {
        plan.notes.push_back(fmt::format(
            "{} needs the shape {}, which has more CPUs than a guest should have here ({}); it "
            "runs with --shape {}",
            claim->id, larger, most_cpus, larger));
      }
    }
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& other) { return other.first == shape; });
    if (group == groups.end()) group = groups.insert(groups.end(), {shape, {}});
    group->second.push_back(claim);
  }
  for (const auto& [shape, members] : groups) {
    const std::vector<WorkItem> items = PlanWorkOn(shape, members, repeat);
    plan.work.insert(plan.work.end(), items.begin(), items.end());
  }
  return plan;
}

std::vector<WorkItem> PlanWorkOn(const std::string& shape,
                                 const std::vector<const CatalogEntry*>& claims, int repeat) {
  std::vector<WorkItem> work;
  for (int iteration = 1; iteration <= repeat; ++iteration) {
    for (const CatalogEntry* claim : claims) work.push_back({claim, iteration, shape});
  }
  return work;
}

}  // namespace nodeproof::cli
