#include "cli/run_record.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "harness/base/file.h"

namespace nodeproof::cli {
namespace {

class Leftovers : public testing::Test {
 protected:
  Leftovers() {
    std::string name = testing::TempDir() + "nodeproof-record-XXXXXX";
    root_ = ::mkdtemp(name.data());
    std::filesystem::create_directory(root_ / "out");
    std::ofstream(PartialPath(root_ / "out/results.json")) << "{";
    std::ofstream(root_ / "out/results.json") << "{}";
  }
  ~Leftovers() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
};

TEST_F(Leftovers, ALivingRunIsLeftAlone) {
  const auto record = RunRecord::Create(root_ / "state", root_ / "out");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_TRUE(RemoveLeftovers(root_ / "state")->empty());
  EXPECT_TRUE(std::filesystem::exists(PartialPath(root_ / "out/results.json")));
}

TEST_F(Leftovers, AFinishedRunLeavesNoNote) {
  { const auto record = RunRecord::Create(root_ / "state", root_ / "out"); }
  EXPECT_TRUE(ListDirectory(AT_FDCWD, (root_ / "state").string())->empty());
}

TEST_F(Leftovers, ADeadRunsHalfWrittenFilesGo) {
  std::filesystem::create_directory(root_ / "state");
  std::filesystem::permissions(root_ / "state", std::filesystem::perms::owner_all);
  std::ofstream(root_ / "state/4711.run") << (root_ / "out").string();
  const auto removed = RemoveLeftovers(root_ / "state");
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(*removed, std::vector{PartialPath(root_ / "out/results.json")});
  EXPECT_TRUE(std::filesystem::exists(root_ / "out/results.json"));
  EXPECT_FALSE(std::filesystem::exists(root_ / "state/4711.run"));
}

TEST_F(Leftovers, ADeadGatesHalfWrittenFilesGo) {
  std::filesystem::create_directory(root_ / "state");
  std::filesystem::permissions(root_ / "state", std::filesystem::perms::owner_all);
  std::ofstream(root_ / "state/4711.run") << (root_ / "gate").string();
  std::filesystem::create_directory(root_ / "gate");
  std::vector<std::filesystem::path> partials;
  for (const char* name : {"gate.txt", "gate.md", "gate.json", "gate.html", "noise-floor.json"}) {
    partials.push_back(PartialPath(root_ / "gate" / name));
    std::ofstream(partials.back()) << "{";
  }
  EXPECT_EQ(RemoveLeftovers(root_ / "state").value(), partials);
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "gate"));
}

TEST_F(Leftovers, AStateFolderOfSomebodyElseIsRefusedWithARemedy) {
  std::filesystem::create_directory(root_ / "state");
  std::filesystem::permissions(root_ / "state", std::filesystem::perms::all);
  EXPECT_FALSE(RemoveLeftovers(root_ / "state"));
  const auto refused = RunRecord::Create(root_ / "state", root_ / "out");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().ToString(),
            fmt::format("{} is not a folder that only this user can write; set XDG_RUNTIME_DIR to "
                        "a folder of yours",
                        (root_ / "state").string()));
  const auto nowhere = RunRecord::Create(root_ / "no/state", root_ / "out");
  ASSERT_FALSE(nowhere);
  EXPECT_TRUE(nowhere.error().hint.starts_with("set XDG_RUNTIME_DIR")) << nowhere.error().hint;
}

TEST_F(Leftovers, AnEarlierRunsReportsGoAndNothingElse) {
  for (const char* name :
       {"junit.xml", "results.ktap", "report.html", "evidence.txt", "console.txt", "notes.txt"}) {
    std::ofstream(root_ / "out" / name) << "of yesterday";
  }
  std::filesystem::remove(PartialPath(root_ / "out/results.json"));
  RemoveReports(root_ / "out");
  EXPECT_EQ(ListDirectory(AT_FDCWD, (root_ / "out").string()).value(),
            (std::vector<std::string>{"notes.txt", "results.json"}));
}

TEST_F(Leftovers, NoStateFolderIsNothingToDo) {
  EXPECT_TRUE(RemoveLeftovers(root_ / "none")->empty());
}

}  // namespace
}  // namespace nodeproof::cli
