#include "conformance/memory/effective_protection.h"

#include <algorithm>

namespace nodeproof::conformance {
namespace {

int64_t ProtectedUsage(const ProtectedGroup& group) { return std::min(group.usage, group.setting); }

int64_t SharedByProtection(int64_t own, int64_t parent_effective, int64_t siblings) {
  return static_cast<int64_t>(static_cast<__int128>(own) * parent_effective / siblings);
}

// All in pages.
int64_t Effective(const ProtectedGroup& group, const ProtectedGroup& parent, int64_t siblings,
                  bool recursive) {
  const int64_t own = ProtectedUsage(group);
  if (siblings > parent.effective) return SharedByProtection(own, parent.effective, siblings);
  const int64_t unclaimed = parent.effective - siblings;
  if (!recursive || unclaimed == 0 || parent.usage <= siblings || group.usage <= own) return own;
  return own + SharedByProtection(group.usage - own, unclaimed, parent.usage - siblings);
}

void Descend(ProtectedGroup& parent, bool recursive) {
  int64_t siblings = 0;
  for (const ProtectedGroup& child : parent.children) siblings += ProtectedUsage(child);
  for (ProtectedGroup& child : parent.children) {
    child.effective = Effective(child, parent, siblings, recursive);
    Descend(child, recursive);
  }
}

void Scale(ProtectedGroup& group, int64_t page, bool to_pages) {
  for (int64_t* value : {&group.usage, &group.setting, &group.effective}) {
    *value = to_pages ? *value / page : *value * page;
  }
  for (ProtectedGroup& child : group.children) Scale(child, page, to_pages);
}

}  // namespace

void ComputeEffectiveProtection(ProtectedGroup& root, bool recursive, int64_t page) {
  Scale(root, page, true);
  root.effective = 0;
  for (ProtectedGroup& child : root.children) {
    child.effective = child.setting;
    Descend(child, recursive);
  }
  Scale(root, page, false);
}

}  // namespace nodeproof::conformance
