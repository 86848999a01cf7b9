#include "conformance/hugetlb/pool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "harness/base/file.h"
#include "harness/cgroup/fake_tree.h"

namespace nodeproof::conformance {
namespace {

constexpr const char* kSize = "hugepages/hugepages-2048kB";

class Pool : public testing::Test {
 protected:
  // A file that says 7 of its own accord.
  void Make(const std::string& directory, const std::string& file) {
    std::filesystem::create_directories(tree_.root() / directory);
    std::ofstream(tree_.root() / directory / file) << "7\n";
  }
  std::string Content(const std::string& path) {
    return std::string(Trim(ReadFile((tree_.root() / path).string()).value_or("")));
  }
  std::string Sys() { return tree_.root().string(); }

  cgroup::FakeTree tree_;
  const std::string whole_ = std::string("kernel/mm/") + kSize;
  const std::string of_node_ = std::string("devices/system/node/node1/") + kSize;
};

TEST_F(Pool, IsSetAndComesBack) {
  Make(whole_, "nr_hugepages");
  Make(whole_, "nr_overcommit_hugepages");
  Make(whole_, "free_hugepages");
  {
    const auto pool = HugePagePool::Fill(5, 3, {}, Sys());
    ASSERT_TRUE(pool) << pool.error().message;
    EXPECT_EQ(Content(whole_ + "/nr_hugepages"), "5");
    EXPECT_EQ(Content(whole_ + "/nr_overcommit_hugepages"), "3");
    EXPECT_EQ(pool->Count("free_hugepages").value(), 7);
    EXPECT_FALSE(pool->Count("surplus_hugepages"));
  }
  EXPECT_EQ(Content(whole_ + "/nr_hugepages"), "7");
  EXPECT_EQ(Content(whole_ + "/nr_overcommit_hugepages"), "7");
}

TEST_F(Pool, OfEachNumaNodeLeavesTheWholeAlone) {
  Make(whole_, "nr_hugepages");
  Make(whole_, "nr_overcommit_hugepages");
  Make(of_node_, "nr_hugepages");
  const auto pool = HugePagePool::Fill(4, 0, {1}, Sys());
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_EQ(Content(of_node_ + "/nr_hugepages"), "4");
  EXPECT_EQ(Content(whole_ + "/nr_hugepages"), "7");
}

TEST_F(Pool, OfAnotherSizeIsAnotherPool) {
  constexpr const char* kGigantic = "kernel/mm/hugepages/hugepages-1048576kB";
  for (const char* file : {"nr_hugepages", "nr_overcommit_hugepages", "free_hugepages"}) {
    Make(kGigantic, file);
    Make(whole_, file);
  }
  const auto pool = HugePagePool::Fill(2, 0, {}, Sys(), GiB(1));
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_EQ(Content(std::string(kGigantic) + "/nr_hugepages"), "2");
  EXPECT_EQ(Content(whole_ + "/nr_hugepages"), "7");
  EXPECT_EQ(pool->Count("free_hugepages").value(), 7);
}

TEST_F(Pool, AMissingFileIsNamedAndWhatWasSetComesBack) {
  Make(whole_, "nr_overcommit_hugepages");
  const auto pool = HugePagePool::Fill(4, 0, {}, Sys());
  ASSERT_FALSE(pool);
  EXPECT_TRUE(pool.error().unsupported);
  EXPECT_NE(pool.error().message.find(whole_ + "/nr_hugepages"), std::string::npos);
  EXPECT_EQ(Content(whole_ + "/nr_overcommit_hugepages"), "7");
}

}  // namespace
}  // namespace nodeproof::conformance
