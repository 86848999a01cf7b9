// Walks k-combinations the way the kubelet's allocator does, memory sharing included: combinations
// grow by Go's append, so one that was kept can change when a later one is built in the same
// memory. Source: iterateCombinations in pkg/kubelet/cm/cpumanager/cpu_assignment.go, 1.36.2.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

namespace nodeproof::cpu_manager {

// A Go slice of ints: copies share the memory that they were appended into.
class GoSlice {
 public:
  size_t size() const { return size_; }
  int operator[](size_t i) const { return (*memory_)[i]; }
  auto begin() const { return memory_ ? memory_->cbegin() : Memory::const_iterator(); }
  auto end() const { return begin() + static_cast<std::ptrdiff_t>(size_); }

  // append(slice, value). Memory grows 0, 1, 2, 4, 8, … as Go's does for such small slices; with
  // room left the element is written in place. Without `share_memory` it is always copied.
  GoSlice Append(int value, bool share_memory) const {
    GoSlice longer;
    const size_t capacity = memory_ ? memory_->size() : 0;
    if (share_memory && size_ < capacity) {
      longer.memory_ = memory_;
    } else {
      longer.memory_ = std::make_shared<Memory>(size_ < capacity ? capacity : Grown(capacity));
      std::copy(begin(), end(), longer.memory_->begin());
    }
    (*longer.memory_)[size_] = value;
    longer.size_ = size_ + 1;
    return longer;
  }

 private:
  using Memory = std::vector<int>;
  static size_t Grown(size_t capacity) { return capacity == 0 ? 1 : 2 * capacity; }

  std::shared_ptr<Memory> memory_;
  size_t size_ = 0;
};

// Calls `visit(combination)` for each choice of `k` of `items`, in lexicographic order of their
// positions, until it returns false. Returns false if it did.
template <typename Visit>
bool ForEachCombination(std::span<const int> items, size_t k, bool share_memory, Visit&& visit,
                        size_t start = 0, const GoSlice& chosen = {}) {
  if (k == 0) return visit(chosen);
  for (size_t i = start; i + k <= items.size(); ++i) {
    if (!ForEachCombination(items, k - 1, share_memory, visit, i + 1,
                            chosen.Append(items[i], share_memory))) {
      return false;
    }
  }
  return true;
}

}  // namespace nodeproof::cpu_manager
