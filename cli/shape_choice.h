// Which VM shape a claim runs on, when the user leaves it open: the first shape if that has what
// the claim needs, else the smallest built-in one that has. Claims of one shape share its boot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/catalog.h"
#include "cli/collector.h"
#include "harness/node/protocol.h"
#include "harness/node/vm_shape.h"
#include "harness/topology/cpu_layout.h"

namespace nodeproof::cli {

// Tried before all others. In the deterministic lane it has one CPU, because only such a guest
// repeats exactly (node::RepeatsExactly).
std::string_view FirstShape(node::Lane lane);

// The CPUs of a shape as its guest sees them. An error for a malformed CPU list of a NUMA node.
Result<CpuLayout> LayoutOf(const node::VmShape& shape);

// The built-in shapes: the first one of a lane, the first one of the realtime lane, then by number
// of CPUs, NUMA nodes and name, those with CXL memory last: nothing else should run beside memory
// that QEMU emulates.
Result<std::vector<node::VmShape>> ShapesBySize(node::Lane lane);

// The most CPUs of a guest that runs well on this machine: twice its own, and four in any case.
// Kernels of guests with more get stuck when virtual CPUs wait for each other (a 6.1 with six on
// two, beside other load: soft lockups during boot).
int MostCpusOfAGuest();

// The first of `shapes` with the CPUs and the memory that `claim` needs; "" when none has them.
Result<std::string> ChooseShape(const CatalogEntry& claim,
                                const std::vector<node::VmShape>& shapes);

struct WorkPlan {
  std::vector<WorkItem> work;
  std::vector<std::string> notes;  // claims whose shape is too large for this machine
};

// Every claim `repeat` times on the shape that it needs, those of one shape together; shapes come
// in the order of their first claim. A claim that needs more than a shape of `most_cpus` has goes
// to the first shape, where it is unsupported.
Result<WorkPlan> PlanWork(const std::vector<const CatalogEntry*>& claims, int repeat, int most_cpus,
                          node::Lane lane);
// The same, all on one shape ("" on a host).
std::vector<WorkItem> PlanWorkOn(const std::string& shape,
                                 const std::vector<const CatalogEntry*>& claims, int repeat);

}  // namespace nodeproof::cli
