// What claims and what benchmarks there are, as the agent tells it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/topology/cpu_layout.h"

namespace nodeproof::cli {

struct CatalogEntry {
  std::string id;
  std::string statement;
  std::string source;
  double budget_s = 0;
  bool needs_scratch = false;
  bool needs_cgroups = true;
  bool benchmark = false;
  CpuLayout needs_layout;
  Bytes needs_memory{0};
  Json json;  // everything that the agent says of it (conformance::Describe)
};

class Catalog {
 public:
  // Asks the agent beside this program.
  static Result<Catalog> Load();
  static Result<Catalog> LoadBenchmarks();
  static Result<Catalog> Parse(std::string_view text, bool benchmarks = false);

  const std::vector<CatalogEntry>& entries() const { return entries_; }
  const CatalogEntry* Find(std::string_view id) const;
  // The claims that any of `globs` matches, in the catalogue's order; all when there is no glob. A
  // glob that matches nothing is an Error with the nearest id as its hint.
  Result<std::vector<const CatalogEntry*>> Select(const std::vector<std::string>& globs) const;

 private:
  std::vector<CatalogEntry> entries_;
  bool benchmarks_ = false;
};

// All that a claim (as the agent describes it) needs of a node, "controllers cpu, memory; 4 CPUs;
// 256 MiB of memory"; "" for one that any node can run. What lane it needs, and why, is not in it.
std::string NeedsText(const Json& claim);

// The number of single-character edits between two texts (Levenshtein), for "did you mean".
size_t EditDistance(std::string_view a, std::string_view b);

}  // namespace nodeproof::cli
