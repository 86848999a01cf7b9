#include "harness/numa/cxl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "harness/base/file.h"

namespace nodeproof::numa {
namespace {

using testing::HasSubstr;

// Plain files where a kernel with one CXL device shows its own; all that it would make later is
// there from the start.
class CxlSysfs : public testing::Test {
 protected:
  CxlSysfs() {
    std::string name = testing::TempDir() + "nodeproof-cxl-XXXXXX";
    root_ = ::mkdtemp(name.data());
    for (const auto& [path, text] : std::initializer_list<std::pair<const char*, const char*>>{
             {"bus/pci/devices/0000:00:00.0/class", "0x060000\n"},
             {"bus/pci/devices/0000:0d:00.0/class", "0x050210\n"},
             {"bus/cxl/devices/decoder0.0/devtype", "cxl_decoder_root\n"},
             {"bus/cxl/devices/decoder0.0/create_pmem_region", "region7\n"},
             {"bus/cxl/devices/decoder0.0/interleave_granularity", "1024\n"},
             {"bus/cxl/devices/decoder1.0/devtype", "cxl_decoder_switch\n"},
             {"bus/cxl/devices/decoder2.0/devtype", "cxl_decoder_endpoint\n"},
             {"bus/cxl/devices/decoder2.0/mode", ""},
             {"bus/cxl/devices/decoder2.0/dpa_size", ""},
             {"bus/cxl/devices/mem0/pmem/size", "0x20000000\n"},
             {"bus/cxl/devices/region7/interleave_granularity", ""},
             {"bus/cxl/devices/region7/interleave_ways", ""},
             {"bus/cxl/devices/region7/uuid", ""},
             {"bus/cxl/devices/region7/size", ""},
             {"bus/cxl/devices/region7/target0", ""},
             {"bus/cxl/devices/region7/commit", ""},
             {"bus/cxl/drivers/cxl_region/bind", ""},
             {"bus/nd/devices/ndbus0/provider", "cxl\n"},
             {"bus/nd/devices/region3/namespace_seed", "namespace3.0\n"},
             {"bus/nd/devices/region3/dax_seed", "dax3.0\n"},
             {"bus/nd/devices/namespace3.0/uuid", ""},
             {"bus/nd/devices/namespace3.0/size", ""},
             {"bus/nd/devices/dax3.0/uuid", ""},
             {"bus/nd/devices/dax3.0/mode", ""},
             {"bus/nd/devices/dax3.0/align", ""},
             {"bus/nd/devices/dax3.0/namespace", ""},
             {"bus/nd/drivers/dax_pmem/bind", ""},
             {"bus/dax/devices/dax3.0/target_node", "1\n"},
             {"bus/dax/drivers/kmem/new_id", ""},
             {"devices/system/node/has_memory", "0-1\n"}}) {
      Put(path, text);
    }
  }
  ~CxlSysfs() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void Remove(const std::string& path) const { std::filesystem::remove(root_ / path); }
  std::string Text(const std::string& path) const {
    return std::string(Trim(ReadFile((root_ / path).string()).value_or("no such file")));
  }
  Result<std::optional<int>> Online() const { return OnlineCxlMemory(clock_, root_.string()); }

  FakeClock clock_;

 private:
  std::filesystem::path root_;
};

TEST_F(CxlSysfs, AsksForRegionNamespaceAndMemory) {
  const auto node = Online();
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(*node, 1);
  EXPECT_EQ(Text("bus/cxl/devices/region7/interleave_granularity"), "1024");
  EXPECT_EQ(Text("bus/cxl/devices/region7/interleave_ways"), "1");
  EXPECT_EQ(Text("bus/cxl/devices/region7/size"), "0x20000000");
  EXPECT_EQ(Text("bus/cxl/devices/decoder2.0/mode"), "pmem");
  EXPECT_EQ(Text("bus/cxl/devices/decoder2.0/dpa_size"), "0x20000000");
  EXPECT_EQ(Text("bus/cxl/devices/region7/target0"), "decoder2.0");
  EXPECT_EQ(Text("bus/cxl/devices/region7/commit"), "1");
  EXPECT_EQ(Text("bus/cxl/drivers/cxl_region/bind"), "region7");
  EXPECT_EQ(Text("bus/nd/devices/namespace3.0/size"), "0x20000000");
  EXPECT_EQ(Text("bus/nd/devices/dax3.0/mode"), "ram");
  EXPECT_EQ(Text("bus/nd/devices/dax3.0/namespace"), "namespace3.0");
  EXPECT_EQ(Text("bus/nd/drivers/dax_pmem/bind"), "dax3.0");
  EXPECT_EQ(Text("bus/dax/drivers/kmem/new_id"), "dax3.0");
  EXPECT_EQ(clock_.Now(), Nanoseconds(0));  // nothing had to be waited for
  // Three things with names, each its own.
  EXPECT_NE(Text("bus/cxl/devices/region7/uuid"), Text("bus/nd/devices/namespace3.0/uuid"));
  EXPECT_NE(Text("bus/nd/devices/dax3.0/uuid"), Text("bus/nd/devices/namespace3.0/uuid"));
}

TEST_F(CxlSysfs, AMachineWithoutADeviceIsLeftAlone) {
  Remove("bus/pci/devices/0000:0d:00.0/class");
  const auto node = Online();
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(*node, std::nullopt);
  EXPECT_EQ(Text("bus/cxl/devices/decoder0.0/create_pmem_region"), "region7");
}

struct MissingCase {
  const char* file;
  const char* message;
};

TEST_F(CxlSysfs, WhatDoesNotComeUpIsNamedWithItsModule) {
  for (const auto& [file, message] :
       {MissingCase{"devices/system/node/has_memory", "memhp_default_state=online_movable"},
        MissingCase{"bus/dax/drivers/kmem/new_id", "/bus/dax/drivers/kmem/new_id (module kmem)"},
        MissingCase{"bus/nd/devices/region3/dax_seed", "a dax_seed (module cxl_pmem)"},
        MissingCase{"bus/cxl/devices/decoder2.0/devtype",
                    "/sys/bus/cxl/devices has no cxl_decoder_endpoint (module cxl_mem)"},
        MissingCase{"bus/cxl/devices/mem0/pmem/size", "mem0/pmem/size (module cxl_pci)"},
        MissingCase{"bus/cxl/devices/decoder0.0/devtype",
                    "/sys/bus/cxl/devices has no cxl_decoder_root (module cxl_acpi)"}}) {
    Remove(file);
    const auto node = Online();
    ASSERT_FALSE(node) << file;
    EXPECT_TRUE(node.error().unsupported) << file;
    EXPECT_THAT(node.error().message, HasSubstr(message));
  }
  EXPECT_GE(clock_.Now(), std::chrono::seconds(60));  // each was waited for
}

TEST_F(CxlSysfs, ARefusedWriteNamesFileAndValue) {
  Remove("bus/cxl/devices/region7/commit");
  Put("bus/cxl/devices/region7/commit/x", "");  // a directory cannot be written
  const auto node = Online();
  ASSERT_FALSE(node);
  EXPECT_FALSE(node.error().unsupported);
  EXPECT_THAT(node.error().message, HasSubstr("region7/commit"));
  EXPECT_THAT(node.error().message, HasSubstr("(value 1)"));
}

TEST_F(CxlSysfs, MemoryWithoutANodeIsAnError) {
  Put("bus/dax/devices/dax3.0/target_node", "-1\n");
  const auto node = Online();
  ASSERT_FALSE(node);
  EXPECT_THAT(node.error().message, HasSubstr("target_node is -1, no NUMA node"));
}

}  // namespace
}  // namespace nodeproof::numa
