#include "conformance/hugetlb/pool.h"

#include <fcntl.h>

#include <cerrno>

#include "conformance/claim.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

std::string Directory(const std::string& above, Bytes page) {
  return fmt::format("{}/hugepages/hugepages-{}kB", above, page.value >> 10);
}

std::string NodeDirectory(const std::string& sys, Bytes page) {
  return Directory(sys + "/kernel/mm", page);
}

}  // namespace

Result<HugePagePool> HugePagePool::Fill(int64_t pages, int64_t overcommit,
                                        const std::vector<int>& numa_nodes, const std::string& sys,
                                        Bytes page) {
  HugePagePool pool(sys, page);
  const std::string whole = NodeDirectory(sys, page);
  TRY(pool.Set(whole + "/nr_overcommit_hugepages", overcommit));
  if (numa_nodes.empty()) TRY(pool.Set(whole + "/nr_hugepages", pages));
  for (const int node : numa_nodes) {
    const std::string above = fmt::format("{}/devices/system/node/node{}", sys, node);
    TRY(pool.Set(Directory(above, page) + "/nr_hugepages", pages));
  }
  return pool;
}

Status HugePagePool::Set(const std::string& path, int64_t pages) {
  const auto before = ReadFile(path);
  if (!before && before.error().code == ENOENT) return Unsupported("the kernel has no {}", path);
  if (!before) return std::unexpected(before.error());
  // Pages of 1G cannot be had on demand: not even a 0 may be written (EINVAL).
  if (Trim(*before) == fmt::format("{}", pages)) return {};
  former_.push_back({path, std::string(Trim(*before))});
  TRY(WriteFileAt(AT_FDCWD, path, fmt::format("{}", pages)));
  const std::string after = TRY(ReadFile(path));
  const int64_t taken = TRY(ParseInt(Trim(after)));
  if (taken == pages) return {};
  return Unsupported("{} took {} of {} pages: too little free memory in one piece", path, taken,
                     pages);
}

// Last set, first back: a node's pool before what all of them may add.
HugePagePool::~HugePagePool() {
  for (auto former = former_.rbegin(); former != former_.rend(); ++former) {
    (void)WriteFileAt(AT_FDCWD, former->path, former->value);
  }
}

Result<int64_t> HugePagePool::Count(const std::string& name) const {
  const std::string text = TRY(ReadFile(NodeDirectory(sys_, page_) + "/" + name));
  return ParseInt(Trim(text));
}

}  // namespace nodeproof::conformance
