#include "harness/kubelet/api/node_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::kubelet {
namespace {

using testing::HasSubstr;

TEST(NodeSpec, FromAShape) {
  const Result<NodeSpec> node = ParseNodeSpec(R"(
memory: 8Gi
topology: {sockets: 2, numaNodesPerSocket: 2, coresPerNumaNode: 2, threadsPerCore: 2}
pidMax: 32768
swap: 2Gi
ephemeralStorage: 100Gi
hugepages: {2Mi: 512, 1Gi: 1}
)");
  ASSERT_TRUE(node) << node.error().ToString();
  ASSERT_EQ(node->cpus.size(), 16U);
  EXPECT_EQ(node->cpus[9], (NodeCpu{9, 1, 0, 0, 0}));
  EXPECT_EQ(node->cpus[15], (NodeCpu{15, 7, 1, 3, 1}));
  ASSERT_EQ(node->numa_nodes.size(), 4U);
  EXPECT_EQ(node->numa_nodes[3].memory_bytes, 2LL << 30);
  const ResourceList capacity = Capacity(*node);
  EXPECT_EQ(Amount(capacity, kCpu).Value(), 16);
  EXPECT_EQ(Amount(capacity, "hugepages-2Mi").ToString(), "1Gi");
  EXPECT_EQ(Amount(capacity, "hugepages-1Gi").ToString(), "1Gi");
  EXPECT_EQ(Amount(capacity, kPid).Value(), 32768);
}

TEST(NodeSpec, WithHolesAndPerNodeMemory) {
  const Result<NodeSpec> node = ParseNodeSpec(R"(
cpus:
- {cpu: 0, core: 0}
- {cpu: 4, core: 0}
- {cpu: 7, core: 7, socket: 2, numaNode: 5, uncoreCache: 3}
numaNodes:
- {id: 0, memory: 1Gi, distances: [10, 0x, 21]}
)");
  EXPECT_FALSE(node);
  const Result<NodeSpec> good = ParseNodeSpec(R"(
cpus:
- {cpu: 0, core: 0}
- {cpu: 4, core: 0}
- {cpu: 7, core: 7, socket: 2, numaNode: 5, uncoreCache: 3}
numaNodes:
- {id: 0, memory: 1Gi, hugepages: {2Mi: 4}, distances: [10, 20]}
- {id: 5, memory: 3Gi}
)");
  ASSERT_TRUE(good) << good.error().ToString();
  EXPECT_EQ(good->memory_bytes, 4LL << 30);
  EXPECT_EQ(good->hugepages.at(2 << 20), 4);
  EXPECT_EQ(good->numa_nodes[1].id, 5);
  EXPECT_EQ(good->cpus[2].uncore_cache, 3);
}

TEST(NodeSpec, RefusesContradictions) {
  const std::pair<const char*, const char*> cases[] = {
      {"cpus: 4", "the node has no memory"},
      {"memory: 1Gi", "give either topology or cpus"},
      {"memory: 1Gi\ncpus: 4\ntopology: {sockets: 1}", "give either topology or cpus"},
      {"memory: 1Gi\ncpus: 0", "outside 1 to 4096"},
      {"memory: 1Gi\ncpus: 100000", "outside 1 to 4096"},
      {"memory: 1Gi\ncpus: []", "at least one CPU"},
      {"memory: 1Gi\ncpus: [{cpu: 0}, {cpu: 0}]", "CPU 0 is listed twice"},
      {"memory: 1Gi\ncpus: [{core: 0}]", "each CPU needs its number"},
      {"memory: 1Gi\ncpus: [{cpu: 0, core: 0}, {cpu: 1, core: 0, socket: 1}]", "share core 0"},
      {"memory: 1Gi\ncpus: [{cpu: 0, numaNode: 1}]\nnumaNodes: [{id: 0}]",
       "which numaNodes does not list"},
      {"memory: 1Gi\ncpus: 1\nnumaNodes: [{id: 0}, {id: 0}]", "NUMA node 0 is listed twice"},
      {"memory: 1Gi\ncpus: 1\nnumaNodes: [{id: 0, memory: 2Gi}]", "more than the whole node"},
      {"memory: 1Gi\ncpus: 1\nhugepages: {2Mi: 1000000}", "more than the node's memory"},
      {"memory: 1Gi\ncpus: 1\nhugepages: {x: 1}", "is no page size"},
      {"memory: 1Gi\ncpus: 1\npageSize: 5000", "power of two"},
      {"memory: 1Gi\ncpus: 1\ncores: 4", "unknown field \"cores\""},
      {"memory: 1Gi\ntopology: {sockets: 65}", "more than 64 NUMA nodes"},
      {"memory: 1Gi\ntopology: {sockets: 64, coresPerNumaNode: 4096}", "more than 4096 CPUs"},
      {"memory: -1Gi\ncpus: 1", "must not be negative"},
      {"", "one document, not 0"},
  };
  for (const auto& [text, message] : cases) {
    const Result<NodeSpec> node = ParseNodeSpec(text);
    ASSERT_FALSE(node) << text;
    EXPECT_THAT(node.error().message, HasSubstr(message)) << text;
  }
}

}  // namespace
}  // namespace nodeproof::kubelet
