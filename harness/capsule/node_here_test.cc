#include "harness/capsule/node_here.h"

#include <gmock/gmock.h>

namespace nodeproof::capsule {
namespace {

using testing::ElementsAre;

TEST(NodeSpecOf, DistancesStandAtTheNodesIds) {
  Topology topology;
  topology.cpus = {{.cpu = 3, .core = 2, .socket = 1, .node = 4, .llc = 2}};
  topology.nodes = {{1, MiB(512), {}, {10, 21}}, {4, MiB(256), CpuSet{3}, {21, 10}}};
  const kubelet::NodeSpec node = NodeSpecOf(topology, GiB(9));
  EXPECT_THAT(node.cpus, ElementsAre(kubelet::NodeCpu{3, 2, 1, 4, 2}));
  ASSERT_EQ(node.numa_nodes.size(), 2u);
  EXPECT_THAT(node.numa_nodes[1].distances, ElementsAre(0, 21, 0, 0, 10));
  EXPECT_EQ(node.numa_nodes[1].memory_bytes, MiB(256).value);
  EXPECT_EQ(node.memory_bytes, MiB(768).value);
}

TEST(NodeSpecOf, AKernelWithoutNumaTellsNoMemoryOfItsNode) {
  Topology topology;
  topology.nodes = {{0, Bytes{0}, CpuSet{0}, {10}}};
  const kubelet::NodeSpec node = NodeSpecOf(topology, GiB(2));
  EXPECT_EQ(node.memory_bytes, GiB(2).value);
  EXPECT_EQ(node.numa_nodes.front().memory_bytes, GiB(2).value);
}

}  // namespace
}  // namespace nodeproof::capsule
