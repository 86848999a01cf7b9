#include "harness/node/host_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <filesystem>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A machine in a folder.
class HostTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/nodeproof-host-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    paths_.mountinfo = root_ / "mountinfo";
    paths_.own_cgroup = root_ / "own";
    paths_.root = root_;
    Write("own", "0::/user.slice/session.scope\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    ASSERT_TRUE(WriteFileAtomic(root_ / path, text));
  }
  void MakeCgroup(const std::string& path, const std::string& controllers) {
    Write(path + "/cgroup.controllers", controllers);
    Write(path + "/cgroup.procs", "");
    Write(path + "/cgroup.subtree_control", "");
  }

  fs::path root_;
  HostPaths paths_;
};

constexpr const char* kUnified =
    "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,memory_recursiveprot\n";

TEST_F(HostTest, TakesTheRootOfAWritableUnifiedHierarchy) {
  Write("mountinfo", kUnified);
  MakeCgroup("sys/fs/cgroup", "cpuset cpu io memory hugetlb pids\n");
  Write("sys/fs/cgroup/cgroup.subtree_control", "cpuset cpu io memory pids\n");
  const auto host = CheckHost(paths_);
  ASSERT_TRUE(host) << host.error().ToString();
  EXPECT_EQ(host->cgroup, root_ / "sys/fs/cgroup");
  EXPECT_THAT(host->controllers, testing::Contains("io"));
  EXPECT_TRUE(CheckTurnedOn(*host));
  const auto chosen = ChooseNode(NodeChoice::kAuto, "", paths_);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->node, NodeChoice::kHost);
}

// A run there would find every claim unsupported, and call that a success.
TEST_F(HostTest, ChoosesAVmWhereControllersAreOff) {
  Write("mountinfo", kUnified);
  MakeCgroup("sys/fs/cgroup", "cpuset cpu memory pids\n");
  Write("sys/fs/cgroup/cgroup.subtree_control", "cpu pids\n");
  const auto host = CheckHost(paths_);
  ASSERT_TRUE(host) << host.error().ToString();
  const std::string file = root_ / "sys/fs/cgroup/cgroup.subtree_control";
  const Status on = CheckTurnedOn(*host);
  ASSERT_FALSE(on);
  EXPECT_EQ(on.error().ToString(),
            fmt::format("{0} does not have cpuset, memory on; turn on with: echo +cpuset +memory > "
                        "{0}",
                        file));
  const auto chosen = ChooseNode(NodeChoice::kAuto, "", paths_);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->node, NodeChoice::kVm);
  EXPECT_EQ(chosen->why,
            fmt::format("a VM, because here {} does not have cpuset, memory on", file));
  const auto asked = ChooseNode(NodeChoice::kHost, "", paths_);
  ASSERT_TRUE(asked) << "what is off is told claim by claim";
  EXPECT_EQ(asked->node, NodeChoice::kHost);
}

TEST_F(HostTest, NamesControllersThatAreBoundToV1) {
  Write("mountinfo",
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  MakeCgroup("sys/fs/cgroup/unified", "hugetlb\n");
  const auto host = CheckHost(paths_);
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().message,
            fmt::format("{}/sys/fs/cgroup/unified/cgroup.controllers does not offer cpu (bound to "
                        "cgroup v1 at /sys/fs/cgroup/cpu), cpuset (bound to cgroup v1 at "
                        "/sys/fs/cgroup/cpuset), memory (bound to cgroup v1 at "
                        "/sys/fs/cgroup/memory), pids (bound to cgroup v1 at /sys/fs/cgroup/pids)",
                        root_.string()));
  EXPECT_THAT(host.error().hint, HasSubstr("cgroup_no_v1=all"));
  const auto chosen = ChooseNode(NodeChoice::kAuto, "", paths_);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->node, NodeChoice::kVm);
  EXPECT_THAT(chosen->why, HasSubstr("a VM, because here "));
  EXPECT_FALSE(ChooseNode(NodeChoice::kHost, "", paths_));
}

TEST_F(HostTest, NamesAControllerThatTheKernelLacks) {
  Write("mountinfo", kUnified);
  MakeCgroup("sys/fs/cgroup", "cpuset cpu memory\n");
  const auto host = CheckHost(paths_);
  ASSERT_FALSE(host);
  EXPECT_THAT(host.error().ToString(), HasSubstr("does not offer pids; use --node vm"));
}

TEST_F(HostTest, SaysThatNothingIsMounted) {
  Write("mountinfo", "21 1 8:1 / / rw - ext4 /dev/vda rw\nnonsense\n");
  const auto host = CheckHost(paths_);
  ASSERT_FALSE(host);
  EXPECT_THAT(host.error().message, HasSubstr("no cgroup2 file system is mounted"));
}

TEST_F(HostTest, TakesADelegatedCgroupWhenTheRootHasNoFilesToWrite) {
  Write("mountinfo", kUnified);
  // Without cgroup.procs and subtree_control the root is not writable, whoever runs this test.
  Write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu memory pids\n");
  const auto undelegated = CheckHost(paths_);
  ASSERT_FALSE(undelegated);
  EXPECT_THAT(undelegated.error().ToString(),
              HasSubstr("user.slice/session.scope cannot be written"));
  EXPECT_THAT(undelegated.error().hint, HasSubstr("Delegate=yes"));

  MakeCgroup("sys/fs/cgroup/user.slice/session.scope", "cpu memory pids\n");
  const auto partly = CheckHost(paths_);
  ASSERT_FALSE(partly);
  EXPECT_THAT(partly.error().message, HasSubstr("does not offer cpuset"));

  MakeCgroup("sys/fs/cgroup/user.slice/session.scope", "cpuset cpu memory pids\n");
  const auto off = CheckHost(paths_);
  ASSERT_FALSE(off);
  EXPECT_THAT(off.error().message, HasSubstr("user.slice/session.scope/cgroup.subtree_control does "
                                             "not have cpu, cpuset, memory, pids on"));
  EXPECT_THAT(off.error().hint, HasSubstr("in a child of a delegated cgroup"));

  // Where we are there can be no controllers for children: the delegated parent has them.
  MakeCgroup("sys/fs/cgroup/user.slice", "cpuset cpu memory pids\n");
  Write("sys/fs/cgroup/user.slice/cgroup.subtree_control", "cpuset cpu memory pids\n");
  const auto host = CheckHost(paths_);
  ASSERT_TRUE(host) << host.error().ToString();
  EXPECT_EQ(host->cgroup, root_ / "sys/fs/cgroup/user.slice");
}

TEST_F(HostTest, ReadsEscapedMountPoints) {
  Write("mountinfo", "25 30 0:23 / /sys/my\\040cgroup rw - cgroup2 cgroup2 rw\n");
  MakeCgroup("sys/my cgroup", "cpuset cpu memory pids\n");
  EXPECT_TRUE(CheckHost(paths_));
}

TEST(ChooseNode, WhatOnlyAVmCanDoTakesAVm) {
  const auto chosen = ChooseNode(NodeChoice::kAuto, "the deterministic lane");
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->node, NodeChoice::kVm);
  EXPECT_EQ(chosen->why, "a VM, for the deterministic lane");
  const auto refused = ChooseNode(NodeChoice::kHost, "the deterministic lane");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().ToString(), "the deterministic lane needs a VM; use --node vm");
}

// How the agent is started and heard, with the stub in its place.
class Recorder : public EventSink {
 public:
  void OnEvent(const Event& event) override { events.push_back(event); }
  std::vector<Event> events;
};

Result<RunOutcome> RunStub(const std::string& mode, EventSink& sink, int cancel_fd = -1,
                           const std::string& note = "") {
  Patience patience;
  patience.slack = Seconds(1);
  auto node = HostNode::Unchecked(NODEPROOF_BINARY_DIR "/test/stub_init", patience);
  RunRequest request;
  request.claims = {"first", "second"};
  request.args = {{"mode", mode}, {"break_at", 2}, {"budget_s", 0.1}, {"note", note}};
  return node->Run(request, sink, cancel_fd);
}

TEST(HostNode, RunsTheAgentToItsEnd) {
  Recorder recorder;
  const auto outcome = RunStub("speak", recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kComplete) << outcome->reason;
  EXPECT_EQ(outcome->claims_finished, 2);
  EXPECT_EQ(recorder.events.size(), 6U);
}

TEST(HostNode, SaysDuringWhichClaimTheAgentDied) {
  Recorder recorder;
  const auto outcome = RunStub("exit", recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kDied);
  EXPECT_EQ(outcome->reason, "the agent exited with status 7 during claim second");
  EXPECT_EQ(outcome->during_claim, "second");
}

TEST(HostNode, SaysThatTheAgentFellSilent) {
  Recorder recorder;
  const auto outcome = RunStub("hang", recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kSilent);
  EXPECT_EQ(outcome->reason, "the agent fell silent during claim second");
}

// It is asked to end first, so that it can take its cgroups down; what it then says is too late.
TEST(HostNode, ASilentAgentIsStoppedInOrder) {
  std::string folder = testing::TempDir() + "nodeproof-silent-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Recorder recorder;
  const auto outcome = RunStub("stop", recorder, -1, folder + "/note");
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kSilent);
  EXPECT_EQ(outcome->reason, "the agent fell silent during claim second");
  EXPECT_EQ(outcome->during_claim, "second");
  EXPECT_EQ(recorder.events.back().kind, EventKind::kClaimStart);
  EXPECT_EQ(ReadFile(folder + "/note").value_or("none"), "stopped");
  fs::remove_all(folder);
}

TEST(HostNode, AnAgentThatExitsBeforeHelloIsAnError) {
  Recorder recorder;
  const auto outcome = RunStub("exit-early", recorder);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "the agent exited with status 7 before the agent said hello");
}

TEST(HostNode, CancelEndsTheAgent) {
  const Fd cancel(::eventfd(1, EFD_CLOEXEC));  // readable from the start
  Recorder recorder;
  const auto outcome = RunStub("never-speak", recorder, cancel.get());
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kCancelled);
}

// The agent's last word on a cancel is `fatal`, which is no fault of the claim that runs.
TEST(HostNode, AnAgentThatSaysThatItWasStoppedIsCancelled) {
  Fd cancel(::eventfd(0, EFD_CLOEXEC));
  class CancelAtSecond : public Recorder {
   public:
    explicit CancelAtSecond(int fd) : fd_(fd) {}
    void OnEvent(const Event& event) override {
      Recorder::OnEvent(event);
      if (event.kind == EventKind::kClaimStart) (void)::eventfd_write(fd_, 1);
    }

   private:
    int fd_;
  } recorder(cancel.get());
  const auto outcome = RunStub("stop", recorder, cancel.get());
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kCancelled);
  EXPECT_EQ(outcome->reason, "cancelled");
  EXPECT_EQ(recorder.events.back().kind, EventKind::kFatal);
}

TEST(HostNode, RefusesWhatOnlyAVmCanDo) {
  auto node = HostNode::Unchecked("/bin/true", {});
  Recorder recorder;
  RunRequest request;
  request.scratch = MiB(64);
  EXPECT_EQ(node->Run(request, recorder, -1).error().ToString(),
            "a scratch disk needs a VM; use --node vm");
}

}  // namespace
}  // namespace nodeproof::node
