// On which NUMA node pages are, by three accounts of the kernel: each page asked for, the process's
// map, and the cgroup's statistics.
#pragma once

#include <sys/types.h>

#include <map>
#include <string_view>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/cgroup/cgroup.h"

namespace nodeproof::numa {

// Pages, or bytes, by node; a node with none may be left out.
using ByNode = std::map<int, int64_t>;

int64_t Sum(const ByNode& counts);
int64_t At(const ByNode& counts, int node);
// "N0=12 N1=4"
std::string ToString(const ByNode& counts);

// Asks move_pages(2) where each of `pages` pages from `base` on of process `pid` is. Pages that are
// not there are left out. `unsupported` where the kernel has no such call.
Result<ByNode> AskPages(pid_t pid, uint64_t base, int64_t pages);

// The pages of the mapping that begins at `base`, from /proc/<pid>/numa_maps (Documentation/
// filesystems/proc.rst); huge ones count as one each, as the file has them.
Result<ByNode> ParseNumaMaps(std::string_view text, uint64_t base);
Result<ByNode> ReadNumaMaps(pid_t pid, uint64_t base);

// Bytes by node of one line of memory.numa_stat, "anon" say.
Result<ByNode> ParseNumaStat(std::string_view text, std::string_view key);
Result<ByNode> ReadNumaStat(const cgroup::Cgroup& group, std::string_view key);

}  // namespace nodeproof::numa
