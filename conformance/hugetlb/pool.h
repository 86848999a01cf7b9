// The node's pool of huge pages, as a claim wants it while it runs.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::conformance {

inline constexpr Bytes kHugePage = MiB(2);

class HugePagePool {
 public:
  // Sets the number of pages of size `page`, of the node, or of each of `numa_nodes` when it is not
  // empty, and of those that the kernel may add when they run out (nr_overcommit_hugepages). What
  // was there before comes back with the destructor. An error marked `unsupported` names the file
  // that is missing, or that did not take the number: memory may be too small or too fragmented.
  // `sys` is where sysfs is; tests hand it a fake one.
  static Result<HugePagePool> Fill(int64_t pages, int64_t overcommit,
                                   const std::vector<int>& numa_nodes = {},
                                   const std::string& sys = "/sys", Bytes page = kHugePage);
  HugePagePool(HugePagePool&& other) noexcept = default;
  HugePagePool& operator=(HugePagePool&&) = delete;
  ~HugePagePool();

  // A counter of the whole pool: "free_hugepages", "resv_hugepages", "surplus_hugepages".
  Result<int64_t> Count(const std::string& name) const;

 private:
  struct Former {
    std::string path;
    std::string value;
  };
  HugePagePool(std::string sys, Bytes page) : sys_(std::move(sys)), page_(page) {}
  Status Set(const std::string& path, int64_t pages);

  std::string sys_;
  Bytes page_;
  std::vector<Former> former_;
};

}  // namespace nodeproof::conformance
