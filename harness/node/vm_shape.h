// The hardware that a VM pretends to be, as data: shapes/*.json, built into the program, or a file.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::node {

constexpr Bytes kMinMemory = MiB(256);  // a Debian cloud kernel and the agent boot in less
constexpr int kMaxCpus = 64;

struct NumaNode {
  Bytes memory;
  std::string cpus;              // "0-1", empty for a node without CPUs
  std::optional<int> initiator;  // the node whose CPUs are nearest (ACPI HMAT), for such a node
};

// One row of the ACPI HMAT: how far `target`'s memory is from `initiator`'s CPUs.
struct HmatPair {
  int initiator = 0;
  int target = 0;
  int latency_ns = 0;
  std::string bandwidth;  // per second, as QEMU takes it: "100G"
};

struct VmShape {
  std::string name;
  std::string description;
  int sockets = 1;
  int dies = 1;                             // in a socket; each has a last-level cache of its own
  int cores = 1;                            // in a die
  int threads = 1;                          // in a core
  std::string cpu_model = "max";            // QEMU's; "max" is the host's own CPU under KVM
  std::vector<std::string> cpu_flags;       // of that model, turned on or off: "-hypervisor"
  Bytes memory;                             // of all nodes together
  std::vector<NumaNode> nodes;              // empty: no NUMA description
  std::vector<std::vector<int>> distances;  // ACPI SLIT, nodes x nodes; may be empty
  std::vector<HmatPair> hmat;
  Bytes cxl_memory{0};  // of a CXL type 3 device, persistent; 0: the machine has no CXL
  std::vector<std::string> kernel_args;  // added to the kernel's command line
  std::vector<std::string> modules;      // of the kernel, with what they depend on

  int cpus() const { return sockets * dies * cores * threads; }
};

// Reads a shape from JSON. Strict: errors name the shape and the field, as in
// "shape smt: cpus.cores: must be 1 to 64".
Result<VmShape> ParseShape(std::string_view text, const std::string& name);

// The names of the shapes that are built in, sorted.
std::vector<std::string> ShapeNames();

// A built-in shape, or the file at a path (anything with a '/').
Result<VmShape> FindShape(const std::string& name);

// --cpus and --memory: change a shape's size. Only shapes with one socket, no SMT and no NUMA
// nodes can be resized; for the others, and for sizes out of range, an Error with the remedy.
Result<VmShape> Resize(VmShape shape, std::optional<int> cpus, std::optional<Bytes> memory);

// For results.json: name, cpus, sockets, dies, cores, threads, cpu_model, memory_bytes, numa_nodes,
// and cxl_memory_bytes where there is any.
nlohmann::json DescribeShape(const VmShape& shape);

}  // namespace nodeproof::node
