#include "harness/topology/topology.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "harness/base/file.h"

namespace nodeproof {
namespace {

// The number in a one-line file, or `fallback` when the file is absent (old kernels, some VMs).
int NumberOr(const std::string& path, int fallback) {
  const auto text = ReadFile(path);
  if (!text) return fallback;
  const auto number = ParseInt(Trim(*text));
  return number ? static_cast<int>(*number) : fallback;
}

// The lowest CPU in a list file, or `fallback`.
int FirstCpuOr(const std::string& path, int fallback) {
  const auto text = ReadFile(path);
  if (!text) return fallback;
  const auto cpus = CpuSet::Parse(*text);
  return cpus && !cpus->empty() ? cpus->First() : fallback;
}

int LastLevelCache(const std::string& cpu_directory, int cpu) {
  int deepest = -1;
  int first = cpu;
  for (int index = 0;; ++index) {
    const std::string cache = fmt::format("{}/cache/index{}", cpu_directory, index);
    const int level = NumberOr(cache + "/level", -1);
    if (level < 0) return first;
    if (level > deepest) {
      deepest = level;
      first = FirstCpuOr(cache + "/shared_cpu_list", cpu);
    }
  }
}

// "Node 0 MemTotal:   2035120 kB"
Bytes NodeMemory(const std::string& node_directory) {
  const auto text = ReadFile(node_directory + "/meminfo");
  if (!text) return Bytes{0};
  for (const std::string_view line : Split(*text, '\n')) {
    const auto words = Words(line);
    if (words.size() >= 4 && words[2] == "MemTotal:") {
      return KiB(ParseInt(words[3]).value_or(0));
    }
  }
  return Bytes{0};
}

// The NUMA nodes that memory behind a CXL root was given.
std::set<int> CxlNodes(const std::string& sysfs) {
  std::set<int> nodes;
  const std::string bus = sysfs + "/bus/dax/devices";
  for (const std::string& name :
       ListDirectory(AT_FDCWD, bus).value_or(std::vector<std::string>())) {
    std::error_code error;
    const auto device = std::filesystem::canonical(fmt::format("{}/{}", bus, name), error);
    if (error || device.string().find("/ACPI0017:") == std::string::npos) continue;
    nodes.insert(NumberOr(device.string() + "/target_node", -1));
  }
  return nodes;
}

Result<NumaNode> ReadNode(const std::string& directory, int id) {
  NumaNode node{.id = id, .memory = NodeMemory(directory), .cpus = {}, .distances = {}};
  node.cpus = TRY(CpuSet::Parse(TRY(ReadFile(directory + "/cpulist"))));
  if (const auto distances = ReadFile(directory + "/distance")) {
    for (const std::string_view word : Words(*distances)) {
      node.distances.push_back(static_cast<int>(TRY(ParseInt(word))));
    }
  }
  return node;
}

}  // namespace

CpuSet Topology::Online() const {
  CpuSet online;
  for (const CpuPlace& place : cpus) online.Insert(place.cpu);
  return online;
}

Result<Topology> ReadTopology(const std::string& sysfs) {
  const std::string system = sysfs + "/devices/system";
  Topology topology;
  const CpuSet online = TRY(CpuSet::Parse(TRY(ReadFile(system + "/cpu/online"))));
  if (const auto nodes = ReadFile(system + "/node/online")) {
    for (const int id : TRY(CpuSet::Parse(*nodes))) {
      topology.nodes.push_back(TRY(ReadNode(fmt::format("{}/node/node{}", system, id), id)));
    }
  }
  if (topology.nodes.empty()) topology.nodes.push_back({0, Bytes{0}, online, {10}});
  const std::set<int> cxl = CxlNodes(sysfs);
  for (NumaNode& node : topology.nodes) node.cxl = cxl.contains(node.id);
  for (const int cpu : online) {
    const std::string directory = fmt::format("{}/cpu/cpu{}", system, cpu);
    CpuPlace place{.cpu = cpu};
    place.core = FirstCpuOr(directory + "/topology/thread_siblings_list", cpu);
    place.socket = NumberOr(directory + "/topology/physical_package_id", 0);
    place.llc = LastLevelCache(directory, cpu);
    for (const NumaNode& node : topology.nodes) {
      if (node.cpus.Contains(cpu)) place.node = node.id;
    }
    topology.cpus.push_back(place);
  }
  return topology;
}

Bytes LargestCache(int cpu, const std::string& sysfs) {
  Bytes largest{0};
  for (int index = 0;; ++index) {
    const auto text =
        ReadFile(fmt::format("{}/devices/system/cpu/cpu{}/cache/index{}/size", sysfs, cpu, index));
    if (!text) return largest;
    largest = std::max(largest, ParseSize(Trim(*text)).value_or(Bytes{0}));
  }
}

}  // namespace nodeproof
