#include "harness/kubelet/api/node_spec.h"

#include <algorithm>
#include <limits>
#include <set>

#include "harness/kubelet/api/object_reader.h"

namespace nodeproof::kubelet {
namespace {

constexpr int64_t kMaxCpus = 4096;
constexpr int64_t kMaxNodes = 64;  // as many as a NUMA mask has bits
constexpr int64_t kMaxId = 65535;
constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();

// The usual shape: sockets, each with NUMA nodes, each with cores, each with threads. Threads of a
// core are numbered apart, as firmware does: CPU i and CPU i + cores are siblings.
struct Shape {
  int64_t sockets = 1;
  int64_t nodes_per_socket = 1;
  int64_t cores_per_node = 1;
  int64_t threads_per_core = 1;

  int64_t cores() const { return sockets * nodes_per_socket * cores_per_node; }
  int64_t cpus() const { return cores() * threads_per_core; }
};

void AddCpus(NodeSpec& node, const Shape& shape) {
  for (int64_t cpu = 0; cpu < shape.cpus(); ++cpu) {
    const int64_t core = cpu % shape.cores();
    const int64_t numa_node = core / shape.cores_per_node;
    const auto socket = static_cast<int>(numa_node / shape.nodes_per_socket);
    node.cpus.push_back({static_cast<int>(cpu), static_cast<int>(core), socket,
                         static_cast<int>(numa_node), socket});
  }
}

Result<int64_t> BytesField(ObjectReader& object, std::string_view key) {
  const std::optional<Quantity> quantity = TRY(object.QuantityField(key));
  if (!quantity) return 0;
  if (quantity->Value() == kMaxInt64) return object.Refuse(key, "is too large");
  return quantity->Value();
}

Result<std::map<int64_t, int64_t>> HugepagesField(ObjectReader& object) {
  std::map<int64_t, int64_t> pages;
  TRY(object.Object("hugepages", [&](ObjectReader& sizes) -> Status {
    for (const auto& [size, count] : sizes.node().fields) {
      const Result<Quantity> bytes = Quantity::Parse(size);
      if (!bytes || !bytes->IsPositive()) return sizes.Refuse(size, "is no page size");
      constexpr int64_t kMaxPages = int64_t{1} << 32;
      const auto value = TRY(sizes.Int(size, 0, kMaxPages));
      if (static_cast<__int128>(bytes->Value()) * value.value_or(0) > kMaxInt64) {
        return sizes.Refuse(size, "is too large");
      }
      pages[bytes->Value()] += value.value_or(0);
    }
    return {};
  }));
  return pages;
}

Status ReadShape(ObjectReader& object, NodeSpec& node) {
  Shape shape;
  struct Part {
    std::string_view key;
    int64_t* value;
  };
  for (const Part& part :
       {Part{"sockets", &shape.sockets}, Part{"numaNodesPerSocket", &shape.nodes_per_socket},
        Part{"coresPerNumaNode", &shape.cores_per_node},
        Part{"threadsPerCore", &shape.threads_per_core}}) {
    *part.value = TRY(object.Int(part.key, 1, kMaxCpus)).value_or(1);
  }
  if (shape.sockets * shape.nodes_per_socket > kMaxNodes) {
    return object.Refuse("numaNodesPerSocket", "makes more than 64 NUMA nodes");
  }
  if (static_cast<__int128>(shape.sockets * shape.nodes_per_socket) * shape.cores_per_node *
          shape.threads_per_core >
      kMaxCpus) {
    return object.Refuse("coresPerNumaNode", "makes more than 4096 CPUs");
  }
  AddCpus(node, shape);
  return {};
}

Result<int> IdField(ObjectReader& object, std::string_view key, int otherwise) {
  const auto value = TRY(object.Int(key, 0, kMaxId));
  return value ? static_cast<int>(*value) : otherwise;
}

Status ReadCpuList(ObjectReader& root, NodeSpec& node) {
  return root.ForEach("cpus", [&](ObjectReader& object) -> Status {
    if (object.Field("cpu") == nullptr)
      return object.Refuse("cpu", "each CPU needs its number, cpu");
    NodeCpu cpu;
    cpu.cpu = TRY(IdField(object, "cpu", 0));
    cpu.core = TRY(IdField(object, "core", cpu.cpu));
    cpu.socket = TRY(IdField(object, "socket", 0));
    cpu.numa_node = TRY(IdField(object, "numaNode", 0));
    cpu.uncore_cache = TRY(IdField(object, "uncoreCache", cpu.socket));
    node.cpus.push_back(cpu);
    if (static_cast<int64_t>(node.cpus.size()) > kMaxCpus) {
      return object.Refuse("cpu", "is one CPU too many: 4096 are the most");
    }
    return {};
  });
}

Status ReadNumaNodes(ObjectReader& root, NodeSpec& node) {
  return root.ForEach("numaNodes", [&](ObjectReader& object) -> Status {
    NodeNumaNode numa;
    numa.id = TRY(IdField(object, "id", static_cast<int>(node.numa_nodes.size())));
    numa.memory_bytes = TRY(BytesField(object, "memory"));
    numa.hugepages = TRY(HugepagesField(object));
    if (const YamlNode* distances = object.Field("distances")) {
      if (!distances->IsSequence()) return object.Refuse("distances", "must be a list of numbers");
      for (const YamlNode& each : distances->items) {
        const Result<Quantity> distance = QuantityFromNode(each, object.PathOf("distances"));
        if (!distance || distance->Value() < 1 || distance->Value() > 255) {
          return object.Refuse("distances", "must be numbers from 1 to 255");
        }
        numa.distances.push_back(static_cast<int>(distance->Value()));
      }
    }
    node.numa_nodes.push_back(std::move(numa));
    if (static_cast<int64_t>(node.numa_nodes.size()) > kMaxNodes) {
      return object.Refuse("id", "is one NUMA node too many: 64 are the most");
    }
    return {};
  });
}

// Contradictions in a topology given CPU by CPU.
Status CheckTopology(const NodeSpec& node) {
  std::set<int> ids;
  for (const NodeNumaNode& numa : node.numa_nodes) {
    if (!ids.insert(numa.id).second)
      return Fail("numaNodes: NUMA node {} is listed twice", numa.id);
  }
  std::set<int> cpus;
  std::map<int, const NodeCpu*> cores;
  for (const NodeCpu& cpu : node.cpus) {
    if (!cpus.insert(cpu.cpu).second) return Fail("cpus: CPU {} is listed twice", cpu.cpu);
    if (!ids.contains(cpu.numa_node)) {
      return std::unexpected(WithHint(
          Error{fmt::format("cpus: CPU {} is on NUMA node {}, which numaNodes does not list",
                            cpu.cpu, cpu.numa_node),
                "", 0},
          "list it, with the memory that it has"));
    }
    const auto [core, inserted] = cores.emplace(cpu.core, &cpu);
    if (!inserted &&
        (core->second->socket != cpu.socket || core->second->numa_node != cpu.numa_node)) {
      return Fail("cpus: CPUs {} and {} share core {} but not its socket and NUMA node",
                  core->second->cpu, cpu.cpu, cpu.core);
    }
  }
  return {};
}

// Fills in what the text left to the other: nodes from CPUs, memory from nodes or the reverse.
Status Complete(NodeSpec& node, bool nodes_given) {
  if (!nodes_given) {
    std::set<int> ids;
    for (const NodeCpu& cpu : node.cpus) ids.insert(cpu.numa_node);
    for (const int id : ids) node.numa_nodes.push_back({id, 0, {}, {}});
  }
  __int128 of_nodes = 0;
  for (const NodeNumaNode& numa : node.numa_nodes) of_nodes += numa.memory_bytes;
  if (node.memory_bytes == 0) {
    if (of_nodes > kMaxInt64) return Fail("numaNodes: the memory adds up to too much");
    node.memory_bytes = static_cast<int64_t>(of_nodes);
  } else if (of_nodes == 0 && !node.numa_nodes.empty()) {
    const auto count = static_cast<int64_t>(node.numa_nodes.size());
    for (NodeNumaNode& numa : node.numa_nodes) numa.memory_bytes = node.memory_bytes / count;
    node.numa_nodes.back().memory_bytes += node.memory_bytes % count;
  } else if (of_nodes > node.memory_bytes) {
    return std::unexpected(
        WithHint(Error{"memory: the NUMA nodes have more than the whole node", "", 0},
                 "leave memory out to take their sum"));
  }
  if (node.memory_bytes == 0) {
    return std::unexpected(
        WithHint(Error{"the node has no memory", "", 0}, "give memory, such as memory: 8Gi"));
  }
  if (node.hugepages.empty()) {
    for (const NodeNumaNode& numa : node.numa_nodes) {
      for (const auto& [size, pages] : numa.hugepages) node.hugepages[size] += pages;
    }
  }
  __int128 in_pages = 0;
  for (const auto& [size, pages] : node.hugepages) in_pages += static_cast<__int128>(size) * pages;
  if (in_pages > node.memory_bytes) return Fail("hugepages: more than the node's memory");
  return CheckTopology(node);
}

Status ReadNode(ObjectReader& root, NodeSpec& node) {
  node.memory_bytes = TRY(BytesField(root, "memory"));
  node.swap_bytes = TRY(BytesField(root, "swap"));
  node.ephemeral_storage_bytes = TRY(BytesField(root, "ephemeralStorage"));
  constexpr int64_t kMaxPidMax = 4194304;  // the kernel's PID_MAX_LIMIT
  node.pid_max = TRY(root.Int("pidMax", 1, kMaxPidMax)).value_or(0);
  constexpr int64_t kLeastPage = 4096;
  constexpr int64_t kLargestPage = 1 << 20;
  node.page_size = TRY(root.Int("pageSize", kLeastPage, kLargestPage)).value_or(kLeastPage);
  if ((node.page_size & (node.page_size - 1)) != 0) {
    return root.Refuse("pageSize", "must be a power of two");
  }
  node.hugepages = TRY(HugepagesField(root));

  const YamlNode* cpus = root.Field("cpus");
  const bool has_shape = root.Field("topology") != nullptr;
  if (has_shape == (cpus != nullptr)) {
    return root.Refuse("cpus", "give either topology or cpus",
                       "such as cpus: 4, or topology: {sockets: 2, coresPerNumaNode: 8}");
  }
  if (has_shape) {
    TRY(root.Object("topology", [&](ObjectReader& object) { return ReadShape(object, node); }));
  } else if (cpus->IsSequence()) {
    TRY(ReadCpuList(root, node));
  } else {
    Shape shape;
    shape.cores_per_node = TRY(root.Int("cpus", 1, kMaxCpus)).value_or(1);
    AddCpus(node, shape);
  }
  if (node.cpus.empty()) return root.Refuse("cpus", "the node needs at least one CPU");
  TRY(ReadNumaNodes(root, node));
  TRY(root.Finish());
  return Complete(node, !node.numa_nodes.empty());
}

}  // namespace

NodeSpec SimpleNode(int cpus, int64_t memory_bytes) {
  NodeSpec node;
  node.memory_bytes = memory_bytes;
  AddCpus(node, {1, 1, cpus, 1});
  node.numa_nodes.push_back({0, memory_bytes, {}, {10}});
  return node;
}

ResourceList Capacity(const NodeSpec& node) {
  ResourceList capacity;
  capacity.emplace(kCpu, Quantity::FromUnits(static_cast<int64_t>(node.cpus.size())));
  capacity.emplace(kMemory, Quantity::FromBytes(node.memory_bytes));
  if (node.ephemeral_storage_bytes > 0) {
    capacity.emplace(kEphemeralStorage, Quantity::FromBytes(node.ephemeral_storage_bytes));
  }
  if (node.pid_max > 0) capacity.emplace(kPid, Quantity::FromUnits(node.pid_max));
  for (const auto& [size, pages] : node.hugepages) {
    capacity.emplace(std::string(kHugepagesPrefix) + Quantity::FromBytes(size).ToString(),
                     Quantity::FromBytes(size * pages));
  }
  return capacity;
}

Result<NodeSpec> ParseNodeSpec(std::string_view text) {
  const std::vector<YamlNode> documents = TRY(ParseYamlStream(text));
  if (documents.size() != 1) {
    return Fail("a node description is one document, not {}", documents.size());
  }
  FieldPolicy policy{true, {}};
  ObjectReader root = TRY(ObjectReader::Create(documents[0], "", policy));
  NodeSpec node;
  TRY(ReadNode(root, node));
  return node;
}

}  // namespace nodeproof::kubelet
