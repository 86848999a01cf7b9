// Which VM shape a claim runs on, when the user leaves it open: the first shape if that has what
// the claim needs, else the smallest built-in one that has. Claims of one shape share its boot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/catalog.h"
#include "cli/collector.h"
#include "harness/node/vm_shape.h"
#include "harness/topology/cpu_layout.h"

namespace nodeproof::cli {

// Tried before all others.
inline constexpr std::string_view kFirstShape = "default";

// The CPUs of a shape as its guest sees them. An error for a malformed CPU list of a NUMA node.
Result<CpuLayout> LayoutOf(const node::VmShape& shape);

// The shapes to choose from: the first one, then by number of CPUs, NUMA nodes and name.
Result<std::vector<node::VmShape>> ShapesBySize();

// The first of `shapes` with the CPUs and the memory that `claim` needs; the very first one when
// none has them, where the claim will be unsupported.
Result<std::string> ChooseShape(const CatalogEntry& claim,
                                const std::vector<node::VmShape>& shapes);

// Every claim `repeat` times on the shape that it needs, those of one shape together; shapes come
// in the order of their first claim.
Result<std::vector<WorkItem>> PlanWork(const std::vector<const CatalogEntry*>& claims, int repeat);
// The same, all on one shape ("" on a host).
std::vector<WorkItem> PlanWorkOn(const std::string& shape,
                                 const std::vector<const CatalogEntry*>& claims, int repeat);

}  // namespace nodeproof::cli
