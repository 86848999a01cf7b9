#include "harness/topology/topology.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <tuple>

namespace nodeproof {
namespace {

class FakeSysfs : public testing::Test {
 protected:
  FakeSysfs() {
    std::string name = testing::TempDir() + "nodeproof-sysfs-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~FakeSysfs() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) const {
    const auto file = root_ / "devices/system" / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string root() const { return root_.string(); }

 private:
  std::filesystem::path root_;
};

TEST_F(FakeSysfs, TheLargestCacheOfACpu) {
  Put("cpu/cpu1/cache/index0/size", "48K\n");
  Put("cpu/cpu1/cache/index1/size", "33792K\n");
  Put("cpu/cpu1/cache/index2/size", "2M\n");
  EXPECT_EQ(LargestCache(1, root()), KiB(33792));
  EXPECT_EQ(LargestCache(2, root()), Bytes{0});
}

TEST_F(FakeSysfs, TwoSocketsWithSmtAndTwoNodes) {
  Put("cpu/online", "0-3\n");
  Put("node/online", "0-1\n");
  for (int cpu = 0; cpu < 4; ++cpu) {
    const std::string directory = fmt::format("cpu/cpu{}/", cpu);
    const std::string pair = cpu < 2 ? "0-1\n" : "2-3\n";
    Put(directory + "topology/thread_siblings_list", pair);
    Put(directory + "topology/physical_package_id", cpu < 2 ? "0\n" : "1\n");
    Put(directory + "cache/index0/level", "1\n");
    Put(directory + "cache/index0/shared_cpu_list", fmt::format("{}\n", cpu));
    Put(directory + "cache/index1/level", "3\n");
    Put(directory + "cache/index1/shared_cpu_list", pair);
  }
  Put("node/node0/cpulist", "0-1\n");
  Put("node/node1/cpulist", "2-3\n");
  Put("node/node0/distance", "10 21\n");
  Put("node/node1/distance", "21 10\n");
  Put("node/node0/meminfo", "Node 0 MemTotal:       1024 kB\nNode 0 MemFree: 5 kB\n");

  const auto topology = ReadTopology(root());
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->Online().ToString(), "0-3");
  EXPECT_EQ(topology->cpus[3].core, 2);
  EXPECT_EQ(topology->cpus[3].socket, 1);
  EXPECT_EQ(topology->cpus[3].node, 1);
  EXPECT_EQ(topology->cpus[3].llc, 2);
  EXPECT_EQ(topology->nodes[0].memory, MiB(1));
  EXPECT_EQ(topology->nodes[1].distances, (std::vector<int>{21, 10}));
}

TEST_F(FakeSysfs, AMachineWithoutNumaIsOneNode) {
  Put("cpu/online", "0-1\n");
  const auto topology = ReadTopology(root());
  ASSERT_TRUE(topology);
  ASSERT_EQ(topology->nodes.size(), 1u);
  EXPECT_EQ(topology->nodes[0].cpus.ToString(), "0-1");
  EXPECT_EQ(topology->cpus[1].core, 1);
}

TEST_F(FakeSysfs, MemoryBelowTheCxlRootIsCxls) {
  Put("cpu/online", "0\n");
  Put("node/online", "0-2\n");
  for (const char* node : {"node0", "node1", "node2"}) {
    Put(fmt::format("node/{}/cpulist", node), node == std::string("node0") ? "0\n" : "\n");
  }
  // A persistent region's memory, and that of a device that is not CXL's.
  const std::filesystem::path sysfs = root();
  for (const auto& [name, device, target] :
       {std::tuple("dax3.0", "devices/platform/ACPI0017:00/root0/ndbus0/region3/dax3.0/dax3.0", 2),
        std::tuple("dax0.0", "devices/platform/hmem.0/dax0.0", 1)}) {
    std::filesystem::create_directories(sysfs / device);
    std::ofstream(sysfs / device / "target_node") << target << "\n";
    std::filesystem::create_directories(sysfs / "bus/dax/devices");
    std::filesystem::create_symlink(sysfs / device, sysfs / "bus/dax/devices" / name);
  }
  const auto topology = ReadTopology(root());
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_FALSE(topology->nodes[0].cxl);
  EXPECT_FALSE(topology->nodes[1].cxl);
  EXPECT_TRUE(topology->nodes[2].cxl);
}

TEST_F(FakeSysfs, NoCpuListIsAnError) {
  const auto topology = ReadTopology(root());
  ASSERT_FALSE(topology);
  EXPECT_NE(topology.error().message.find("cpu/online"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof
