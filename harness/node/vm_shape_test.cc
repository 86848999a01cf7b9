#include "harness/node/vm_shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::node {
namespace {

using testing::HasSubstr;

TEST(VmShape, EveryBuiltInShapeReads) {
  EXPECT_THAT(ShapeNames(),
              testing::IsSupersetOf({"cxl", "default", "four", "hmat-far", "one", "smt", "smt-four",
                                     "two-llc", "two-numa", "two-numa-six"}));
  for (const std::string& name : ShapeNames()) {
    const auto shape = FindShape(name);
    ASSERT_TRUE(shape) << shape.error().message;
    EXPECT_EQ(shape->name, name);
    EXPECT_FALSE(shape->description.empty());
  }
  const auto far = FindShape("hmat-far").value();
  EXPECT_EQ(far.memory, GiB(2));
  EXPECT_EQ(far.nodes.size(), 3U);
  EXPECT_EQ(far.hmat.size(), 6U);
  EXPECT_FALSE(DescribeShape(far).contains("cxl_memory_bytes"));
  const auto cxl = FindShape("cxl").value();
  EXPECT_EQ(cxl.cxl_memory, MiB(512));
  EXPECT_EQ(DescribeShape(cxl)["cxl_memory_bytes"], 512 << 20);
  EXPECT_THAT(cxl.modules, testing::Contains("kmem"));
}

TEST(VmShape, UnknownNamesListTheKnownOnes) {
  EXPECT_THAT(FindShape("cube").error().ToString(),
              HasSubstr("unknown shape 'cube'; use cxl, default"));
  EXPECT_THAT(FindShape("./cube.json").error().message, HasSubstr("open ./cube.json"));
}

nlohmann::json Good() {
  return {{"cpus", {{"sockets", 1}, {"cores", 2}, {"threads", 1}}}, {"memory", "512M"}};
}

std::string ErrorOf(const nlohmann::json& json) {
  const auto shape = ParseShape(json.dump(), "s");
  return shape ? "" : shape.error().message;
}

std::string ErrorWith(const char* pointer, const nlohmann::json& value) {
  nlohmann::json json = Good();
  json[nlohmann::json::json_pointer(pointer)] = value;
  return ErrorOf(json);
}

TEST(VmShape, ErrorsNameTheField) {
  EXPECT_EQ(ErrorOf(Good()), "");
  EXPECT_EQ(ErrorWith("/cpus/cores", 0), "shape s: cpus.cores: must be 1 to 64");
  EXPECT_EQ(ErrorWith("/cpus/cores", 1ULL << 40), "shape s: cpus.cores: must be 1 to 64");
  EXPECT_EQ(ErrorWith("/cpus/cores", "two"), "shape s: cpus.cores: must be an integer");
  EXPECT_EQ(ErrorWith("/cpus/dies", 0), "shape s: cpus.dies: must be 1 to 64");
  EXPECT_EQ(ErrorWith("/cpus", 2), "shape s: cpus: must be an object");
  EXPECT_EQ(ErrorWith("/colour", "red"), "shape s: colour: is not a field of a shape");
  EXPECT_EQ(ErrorWith("/cpu_model", "max,+evil"),
            "shape s: cpu_model: must be a text without commas");
  EXPECT_EQ(ErrorWith("/cpu_flags", nlohmann::json::array({"-hypervisor,+evil"})),
            "shape s: cpu_flags: must be a list of words without commas");
  EXPECT_EQ(ErrorWith("/cpu_flags", nlohmann::json::array({"hypervisor"})),
            "shape s: cpu_flags: must be a list of QEMU's flags, each after a '+' or '-'");
  EXPECT_EQ(ErrorWith("/modules", nlohmann::json::array({"kmem", 3})),
            "shape s: modules: must be a list of words without commas");
  EXPECT_EQ(ErrorWith("/modules", "kmem"), "shape s: modules: must be a list");
  EXPECT_THAT(ErrorWith("/memory", "lots"), HasSubstr("shape s: memory: "));
  EXPECT_THAT(ErrorWith("/memory", "64M"), HasSubstr("needs at least 256 MiB"));
  EXPECT_EQ(ParseShape("{", "s").error().message, "shape s: not valid JSON");
  EXPECT_EQ(ParseShape("[]", "s").error().message, "shape s: : must be an object");
  nlohmann::json many = Good();
  many["cpus"] = {{"sockets", 8}, {"cores", 8}, {"threads", 2}};
  EXPECT_EQ(ErrorOf(many), "shape s: cpus: more than 64");
}

TEST(VmShape, NumaErrorsNameTheNode) {
  nlohmann::json json = Good();
  json.erase("memory");
  json["numa"] = {{"nodes", {{{"memory", "256M"}, {"cpus", "0"}}, {{"memory", "256M"}}}},
                  {"distances", {{10, 20}, {20, 10}}}};
  EXPECT_EQ(ErrorOf(json), "");
  nlohmann::json bad = json;
  bad["numa"]["nodes"][1]["memory"] = 256;
  EXPECT_EQ(ErrorOf(bad), "shape s: numa.nodes[1].memory: must be a string");
  for (const nlohmann::json& distances :
       {nlohmann::json{{10, 20}}, nlohmann::json{{10, 20}, {21, 10}},
        nlohmann::json{{10, 10}, {10, 10}}, nlohmann::json{{10, 255}, {255, 10}},
        nlohmann::json{10, 20}, nlohmann::json{{10, 20}, {20}}}) {
    bad = json;
    bad["numa"]["distances"] = distances;
    EXPECT_THAT(ErrorOf(bad), HasSubstr("numa.distances: must be 2 rows")) << distances;
  }
  bad = json;
  bad["numa"]["hmat"] = {
      {{"initiator", 0}, {"target", 2}, {"latency_ns", 80}, {"bandwidth", "1G"}}};
  EXPECT_EQ(ErrorOf(bad), "shape s: numa.hmat[0].target: must be 0 to 1");
  bad = json;
  bad["cxl_memory"] = "100M";
  EXPECT_EQ(ErrorOf(bad), "shape s: cxl_memory: must be a multiple of 256 MiB");
  bad["cxl_memory"] = "256M";
  EXPECT_EQ(ErrorOf(bad), "");
  EXPECT_EQ(ErrorWith("/cxl_memory", "256M"),
            "shape s: cxl_memory: needs at least one node in \"numa\"");
  bad = json;
  bad["memory"] = "1G";
  EXPECT_THAT(ErrorOf(bad), HasSubstr("memory: is the sum of the NUMA nodes"));
}

TEST(VmShape, ResizesOnlyFlatShapes) {
  const auto shape = Resize(FindShape("default").value(), 4, MiB(512));
  ASSERT_TRUE(shape);
  EXPECT_EQ(shape->cpus(), 4);
  EXPECT_EQ(shape->memory, MiB(512));
  const auto error = [](const char* name, std::optional<int> cpus, std::optional<Bytes> memory) {
    const auto resized = Resize(FindShape(name).value(), cpus, memory);
    return resized ? "" : resized.error().ToString();
  };
  EXPECT_EQ(error("default", std::nullopt, MiB(64)),
            "a guest with 64 MiB of memory is too small: it needs at least 256 MiB; give more with "
            "--memory");
  EXPECT_EQ(error("default", 0, std::nullopt),
            "a guest cannot have 0 CPUs; give 1 to 64 with --cpus");
  EXPECT_THAT(error("smt", 4, std::nullopt), HasSubstr("shape smt has 8 CPUs"));
  EXPECT_THAT(error("hmat-far", std::nullopt, GiB(4)), HasSubstr("fixed NUMA nodes"));
  EXPECT_EQ(error("smt", 8, GiB(2)), "");
}

}  // namespace
}  // namespace nodeproof::node
