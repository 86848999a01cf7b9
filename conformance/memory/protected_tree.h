// Trees of pods below kubepods with memory.min or memory.low, squeezed by a hog beside them until
// nothing else is left to take: what each group keeps.
#pragma once

#include <string>
#include <vector>

#include "conformance/memory/steps.h"

namespace nodeproof::conformance {

// How far a group can end below its protection: reclaim frees up to 32 pages of a list at once
// (SWAP_CLUSTER_MAX), and the last charge batch of 64 pages a CPU may have been drained since.
inline constexpr Bytes kLostToReclaim = KiB(512);
// And above it: pages that are on no list yet (15 a CPU), what processes and page tables take.
inline constexpr Bytes kBeyondReclaim = MiB(2);

// A pod with one container below kubepods: what it is to hold, and the setting of both.
struct Leaf {
  std::string name;
  Bytes cache{0};
  Bytes setting{0};
};

struct TreePlan {
  const char* knob = "memory.min";  // or memory.low
  Bytes node{0};
  Bytes slice{0};  // the setting of kubepods
  std::vector<Leaf> leaves = {};
};

// The same tree without any protection.
TreePlan Unprotected(TreePlan plan);

// What is left after the hog took all it could get.
struct Squeezed {
  Bytes slice{0};                     // memory.current of kubepods
  std::vector<Bytes> usage = {};      // of each leaf's container
  std::vector<Bytes> effective = {};  // what the formula gives it, at the usage that is left
  std::vector<Bytes> before = {};     // of each leaf's page cache
  Bytes hog{0};
};

// Whether the hierarchy is mounted with memory_recursiveprot.
Result<bool> IsRecursive(const cgroup::Cgroup& group);

Result<capsule::Tree> PlantTree(ArmContext& context, const TreePlan& plan);

// Fills the leaves with the page cache of files that have no block on disk (reading them costs no
// I/O), then lets a hog in system.slice grow to `hog_target` or its end. The formula is asked for
// what `plan` sets, whatever the tree has.
Result<Squeezed> Squeeze(ArmContext& context, const capsule::Tree& tree, const TreePlan& plan,
                         Bytes hog_target);

// "kubepods memory.min 30M, 30M left; leaf0 of 12M with 10M: …", for an arm's notes.
std::string Describe(const TreePlan& plan, const Squeezed& squeezed);
// Proof that each leaf held its page cache.
std::vector<results::LoadProof> CachesFilled(const TreePlan& plan, const Squeezed& squeezed);

}  // namespace nodeproof::conformance
