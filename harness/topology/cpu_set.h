// A set of CPU (or NUMA node) numbers, in the kernel's list notation: "0-3,8".
#pragma once

#include <cstddef>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace nodeproof {

class CpuSet {
 public:
  CpuSet() = default;
  CpuSet(std::initializer_list<int> cpus) : cpus_(cpus) {}
  explicit CpuSet(std::set<int> cpus) : cpus_(std::move(cpus)) {}

  // Reads "0-3,8" ("" and "\n" are the empty set). Numbers above 65535, reversed ranges and
  // anything else the kernel would refuse are errors.
  static Result<CpuSet> Parse(std::string_view text);
  // The numbers from `first` to `last`, both included.
  static CpuSet Range(int first, int last);

  bool empty() const { return cpus_.empty(); }
  size_t size() const { return cpus_.size(); }
  bool Contains(int cpu) const { return cpus_.contains(cpu); }
  bool Contains(const CpuSet& other) const;
  bool Intersects(const CpuSet& other) const;
  void Insert(int cpu) { cpus_.insert(cpu); }
  void Erase(int cpu) { cpus_.erase(cpu); }
  // The smallest member; the set must not be empty.
  int First() const { return *cpus_.begin(); }

  auto begin() const { return cpus_.begin(); }
  auto end() const { return cpus_.end(); }
  bool operator==(const CpuSet&) const = default;

  // The canonical list, ascending with ranges: "0-3,8".
  std::string ToString() const;

  friend CpuSet operator|(const CpuSet& a, const CpuSet& b);
  friend CpuSet operator&(const CpuSet& a, const CpuSet& b);
  friend CpuSet operator-(const CpuSet& a, const CpuSet& b);

 private:
  std::set<int> cpus_;
};

}  // namespace nodeproof
