// Who gets how much CPU time when groups share by weight: demand-capped, level by level. What the
// kernel promises for cpu.weight (Documentation/admin-guide/cgroup-v2.rst, "Weights"), as a pure
// function to measure it against.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/plan/plan.h"

namespace nodeproof::conformance {

// A group of a cgroup tree, or the load in one. Weights count among siblings only.
struct Basin {
  double weight = 100;
  double demand = 0;  // of a leaf: the CPUs that it wants; a parent wants what its leaves want
  std::vector<Basin> children = {};
};

// The CPUs that each leaf gets of `capacity`, leaves in depth-first order. At each level a sibling
// that wants less than its part gets what it wants, and the rest share what it leaves by weight.
std::vector<double> WaterFill(const Basin& root, double capacity);

// The load in one planned group.
struct PlannedLoad {
  std::string path;   // of the group, as planned
  double demand = 1;  // CPUs; what can never be met makes it a hog
};

// The CPUs that each of `loads` gets of `capacity` by the cpu.weight of the planned groups, in the
// order given. Every other group is idle. An error names a load whose group is not planned, has
// groups below it, or is named twice.
Result<std::vector<double>> PredictCpus(const kubelet::Plan& plan,
                                        std::span<const PlannedLoad> loads, double capacity);

}  // namespace nodeproof::conformance
