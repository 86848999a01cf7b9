#include "harness/record/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::record {
namespace {

using kubelet::PlannedCgroup;
using ::testing::IsEmpty;

class Recording : public testing::Test {
 protected:
  Recording() : root_(fake_.Group("", {{"cgroup.subtree_control", ""}})) {
    PlannedCgroup slice = Planned("/kubepods", "kubepods");
    for (size_t i = 0; i <= Recorder::kMostGroups; ++i) {
      const std::string name = "pod" + std::to_string(i);
      slice.children.push_back(Planned("/kubepods/" + name, name));
    }
    PlannedCgroup planned;
    planned.children = {slice};
    tree_.emplace(capsule::Tree::Plant(root_, planned, {}).value());
    Count(0, 0);
  }

  static PlannedCgroup Planned(const std::string& path, const std::string& name) {
    PlannedCgroup group;
    group.path = path;
    group.name = name;
    return group;
  }
  // What pod0 has used.
  void Count(int usage_usec, int memory) {
    fake_.Group("kubepods/pod0", {{"cpu.stat", "usage_usec " + std::to_string(usage_usec) + "\n"},
                                  {"memory.current", std::to_string(memory) + "\n"}});
  }

  cgroup::FakeTree fake_;
  cgroup::Cgroup root_;
  std::optional<capsule::Tree> tree_;
  FakeClock clock_;
};

TEST_F(Recording, SamplesWhileTheClaimWaits) {
  Recorder recorder(clock_, {"/nowhere", "/nowhere"});
  recorder.Follow(*tree_);
  Count(500'000, 4096);
  recorder.clock().WaitUntil(Milliseconds(1000));  // has just been sampled
  recorder.clock().WaitUntil(Milliseconds(1010));  // too short a wait
  recorder.clock().WaitUntil(Milliseconds(1400));
  const auto series = recorder.TakeSeries();
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].group, "/kubepods/pod0");
  EXPECT_EQ(series[0].quantity, "memory.current");
  EXPECT_EQ(series[0].points.back().value, 4096);
  EXPECT_EQ(series[1].quantity, "CPU used");
  ASSERT_EQ(series[1].points.size(), 1u);
  EXPECT_DOUBLE_EQ(series[1].points[0].time_s, 1.01);
  EXPECT_NEAR(series[1].points[0].value, 0.5 / 1.01, 1e-9);
}

TEST_F(Recording, KeepsEvidenceWhenTheTreeGoes) {
  Recorder recorder(clock_, {"/nowhere", "/nowhere"});
  recorder.Follow(*tree_);
  EXPECT_THAT(recorder.TakeEvidence(), IsEmpty());
  capsule::Tree moved = std::move(*tree_);
  tree_.reset();
  EXPECT_THAT(recorder.TakeEvidence(), IsEmpty());
  { const capsule::Tree gone = std::move(moved); }
  const auto evidence = recorder.TakeEvidence();
  ASSERT_GT(evidence.size(), Recorder::kMostGroups);
  EXPECT_EQ(evidence[0].title, "cgroup /kubepods");
  EXPECT_EQ(evidence[1].title, "cgroup /kubepods/pod0");
  EXPECT_EQ(evidence[1].text, "cpu.stat: usage_usec 0\nmemory.current: 0\n");
  for (const auto& [title, text] : evidence) EXPECT_NE(title, "cgroup /kubepods/pod6");
}

}  // namespace
}  // namespace nodeproof::record
