#include "cli/catalog.h"

#include <gtest/gtest.h>

namespace nodeproof::cli {
namespace {

Catalog Three() {
  return Catalog::Parse(R"([
    {"id": "cpu.max.ceiling", "statement": "a", "source": "s", "budget_s": 40,
     "needs": {"scratch": false}},
    {"id": "cpuset.pinned", "statement": "b", "source": "s", "budget_s": 40},
    {"id": "memory.min.anon-hog", "statement": "c", "source": "s", "budget_s": 40,
     "needs": {"scratch": true}}])")
      .value();
}

std::vector<std::string> Ids(const std::vector<const CatalogEntry*>& entries) {
  std::vector<std::string> ids;
  for (const CatalogEntry* entry : entries) ids.push_back(entry->id);
  return ids;
}

TEST(Catalog, ReadsWhatLayoutAClaimNeeds) {
  const Catalog catalog = Catalog::Parse(R"([
    {"id": "cpuset.uncore", "statement": "a", "source": "s",
     "needs": {"cpus": 4, "threads": 2, "numa_nodes": 3, "cpus_per_numa_node": 5,
               "last_level_caches": 6, "memory_only_nodes": 8, "cxl_nodes": 9, "memory_bytes": 7}},
    {"id": "cpu.max.ceiling", "statement": "a", "source": "s"}])")
                              .value();
  const CatalogEntry& entry = catalog.entries()[0];
  EXPECT_EQ(entry.needs_layout.cpus, 4);
  EXPECT_EQ(entry.needs_layout.threads, 2);
  EXPECT_EQ(entry.needs_layout.numa_nodes, 3);
  EXPECT_EQ(entry.needs_layout.cpus_per_numa_node, 5);
  EXPECT_EQ(entry.needs_layout.last_level_caches, 6);
  EXPECT_EQ(entry.needs_layout.memory_only_nodes, 8);
  EXPECT_EQ(entry.needs_layout.cxl_nodes, 9);
  EXPECT_EQ(entry.needs_memory, Bytes{7});
  EXPECT_EQ(catalog.entries()[1].needs_layout.cpus, 1);
}

TEST(Catalog, SelectsByGlobInItsOwnOrder) {
  const Catalog catalog = Three();
  EXPECT_EQ(catalog.Select({})->size(), 3u);
  EXPECT_EQ(Ids(catalog.Select({"memory.*", "cpu.*"}).value()),
            (std::vector<std::string>{"cpu.max.ceiling", "memory.min.anon-hog"}));
  EXPECT_EQ(Ids(catalog.Select({"cpu*", "cpuset.pinned"}).value()),
            (std::vector<std::string>{"cpu.max.ceiling", "cpuset.pinned"}));
  EXPECT_TRUE(catalog.Find("memory.min.anon-hog")->needs_scratch);
  EXPECT_FALSE(catalog.Find("cpuset.pinned")->needs_scratch);
}

TEST(Catalog, AGlobThatMatchesNothingIsAnErrorWithAHint) {
  const auto typo = Three().Select({"cpu.*", "cpuset.pined"});
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().ToString(),
            "no claim matches 'cpuset.pined'; did you mean cpuset.pinned?");
  EXPECT_EQ(Three().Select({"network.*"}).error().hint, "`nodeproof list` shows them all");
}

TEST(Catalog, AnAgentThatSpeaksNonsenseIsAnError) {
  EXPECT_FALSE(Catalog::Parse("Segmentation fault"));
  EXPECT_FALSE(Catalog::Parse("{}"));
  EXPECT_FALSE(Catalog::Parse("[{}]"));
}

TEST(NeedsText, TellsEveryNeed) {
  EXPECT_EQ(
      NeedsText(Json::parse(R"({"needs": {
      "controllers": ["cpu", "memory"], "cpus": 4, "threads": 2, "numa_nodes": 3,
      "cpus_per_numa_node": 5, "memory_only_nodes": 1, "last_level_caches": 6,
      "memory_bytes": 268435456, "scratch": true, "why_whole_node": "it writes sysctls"}})")),
      "controllers cpu, memory; 4 CPUs; 2 hardware threads in each core; "
      "3 NUMA nodes with CPUs; 5 CPUs in each NUMA node; 6 last-level caches; "
      "1 NUMA node without CPUs; 256 MiB of free memory; a file system on a disk, to write on; "
      "a VM (it writes sysctls)");
  EXPECT_EQ(NeedsText(Json::parse(R"({"needs": {"controllers": ["pids"], "cpus": 1}})")),
            "controller pids");
  EXPECT_EQ(NeedsText(Json::object()), "");
}

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace nodeproof::cli
