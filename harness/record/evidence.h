// What an engineer looks at first when a node did not isolate: the node-pressure runbook, kept as
// text while the tree still stands.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/cgroup/cgroup.h"
#include "harness/results/results.h"

namespace nodeproof::record {

struct NodeFiles {
  std::string proc = "/proc";
  std::string kernel_log = "/dev/kmsg";
};

// What the whole node counts, from when it is made.
class NodeWatch {
 public:
  explicit NodeWatch(NodeFiles files = {});

  // PSI, what vmstat counted since, the largest slabs and the kernel's log since; what cannot be
  // read says why.
  std::vector<results::Evidence> Gather();

 private:
  std::string VmstatDeltas() const;
  std::string KernelLog();

  NodeFiles files_;
  std::map<std::string, int64_t> vmstat_;
  Result<Fd> log_;
};

// The files of a group that tell how it fared, each under its name; those it lacks are left out.
results::Evidence GatherGroup(const std::string& path, const cgroup::Cgroup& group);

// The ten caches of /proc/slabinfo that take the most memory: "name objects bytes" a line.
std::string LargestSlabs(std::string_view slabinfo);

// A record of /dev/kmsg ("priority,sequence,usec,flags;text\n KEY=value\n") as dmesg shows it.
std::string FormatLogRecord(std::string_view record);

}  // namespace nodeproof::record
