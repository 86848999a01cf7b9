#include "harness/topology/cpu_layout.h"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

// Two sockets, which are NUMA nodes: one of two cores with two threads, one of a single core.
Topology Uneven() {
  Topology topology;
  topology.cpus = {{.cpu = 0, .core = 0, .socket = 0, .node = 0, .llc = 0},
                   {.cpu = 1, .core = 0, .socket = 0, .node = 0, .llc = 0},
                   {.cpu = 2, .core = 2, .socket = 0, .node = 0, .llc = 2},
                   {.cpu = 3, .core = 2, .socket = 0, .node = 0, .llc = 2},
                   {.cpu = 4, .core = 4, .socket = 1, .node = 1, .llc = 4}};
  return topology;
}

TEST(CpuLayout, CountsWhatThereIs) {
  const CpuLayout layout = LayoutOf(Uneven());
  EXPECT_EQ(layout.cpus, 5);
  EXPECT_EQ(layout.threads, 1);  // the core of CPU 4 has one
  EXPECT_EQ(layout.sockets, 2);
  EXPECT_EQ(layout.numa_nodes, 2);
  EXPECT_EQ(layout.last_level_caches, 3);
  EXPECT_EQ(layout.cpus_per_numa_node, 1);
  EXPECT_EQ(layout.memory_only_nodes, 0);
  EXPECT_EQ(LayoutOf({}).cpus, 0);
  Topology far = Uneven();
  far.nodes = {{.id = 0, .memory = GiB(1), .cpus = CpuSet{0}, .distances = {}},
               {.id = 2, .memory = GiB(1), .cpus = {}, .distances = {}},
               {.id = 3, .memory = Bytes{0}, .cpus = {}, .distances = {}}};
  EXPECT_EQ(LayoutOf(far).memory_only_nodes, 1);
  EXPECT_EQ(LayoutOf(far).cxl_nodes, 0);
  far.nodes[1].cxl = true;
  far.nodes[2].cxl = true;  // whose memory is not online
  EXPECT_EQ(LayoutOf(far).cxl_nodes, 1);
}

TEST(CpuLayout, NamesWhatIsMissing) {
  const CpuLayout has = LayoutOf(Uneven());
  EXPECT_EQ(Shortcoming(has, has), "");
  EXPECT_EQ(Shortcoming({}, has), "");
  EXPECT_EQ(Shortcoming({.cpus = 8}, has), "it needs 8 CPUs, the node has 5");
  EXPECT_EQ(Shortcoming({.threads = 2}, has),
            "it needs 2 hardware threads in each core, the node has 1");
  EXPECT_EQ(Shortcoming({.numa_nodes = 3}, has), "it needs 3 NUMA nodes with CPUs, the node has 2");
  EXPECT_EQ(Shortcoming({.memory_only_nodes = 1}, has),
            "it needs 1 NUMA nodes with memory and no CPUs, the node has 0");
  EXPECT_EQ(Shortcoming({.cxl_nodes = 1}, has),
            "it needs 1 NUMA nodes of CXL memory and no CPUs, the node has 0");
  EXPECT_EQ(Shortcoming({.last_level_caches = 4}, has),
            "it needs 4 last-level caches, the node has 3");
}

}  // namespace
}  // namespace nodeproof
