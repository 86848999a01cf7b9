// These cases boot guests: ctest label `vm`. They need QEMU and the kernels that
// scripts/fetch-kernels puts into the cache, and fail where one is missing.
#include "harness/node/vm_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

using testing::HasSubstr;

class Recorder : public EventSink {
 public:
  void OnEvent(const Event& event) override { events.push_back(event); }
  // The stream as it came, for comparing runs.
  std::string Stream() const {
    std::string text;
    for (const Event& event : events) text += FormatEvent(event);
    return text;
  }
  const Json& Hello() const {
    for (const Event& event : events) {
      if (event.kind == EventKind::kHello) return event.body["node"];
    }
    static const Json none = Json::object();
    return none;
  }
  std::vector<std::string> Notes() const {
    std::vector<std::string> notes;
    for (const Event& event : events) {
      if (event.kind == EventKind::kNote) notes.push_back(event.body["text"]);
    }
    return notes;
  }
  std::vector<Event> events;
};

VmOptions StubOptions(const std::string& kernel = "6.12") {
  VmOptions options;
  options.agent = NODEPROOF_BINARY_DIR "/test/stub_init";
  options.kernel = kernel;
  return options;
}

RunRequest StubRequest(const std::string& mode) {
  RunRequest request;
  request.claims = {"first", "second"};
  request.args["mode"] = mode;
  return request;
}

Result<RunOutcome> RunStub(const VmOptions& options, const RunRequest& request, EventSink& sink,
                           int cancel_fd = -1) {
  auto node = TRY(VmNode::Create(options));
  return node->Run(request, sink, cancel_fd);
}

class VmNodeOnEachKernel : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kernels, VmNodeOnEachKernel, testing::Values("6.12", "6.1"),
                         [](const auto& kernel) {
                           return std::string(kernel.param) == "6.1" ? "v6_1" : "v6_12";
                         });

TEST_P(VmNodeOnEachKernel, RunsTheAgentToItsEnd) {
  Recorder recorder;
  const auto outcome = RunStub(StubOptions(GetParam()), StubRequest("speak"), recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kComplete) << outcome->reason;
  EXPECT_EQ(outcome->claims_finished, 2);
  EXPECT_EQ(recorder.Hello()["cpus"], 2);
  EXPECT_THAT(recorder.Hello()["release"].get<std::string>(), testing::StartsWith(GetParam()));
  EXPECT_THAT(outcome->facts["qemu"].get<std::string>(), HasSubstr("."));
  EXPECT_GE(outcome->boots, 1);
  EXPECT_EQ(recorder.events.back().kind, EventKind::kEnd);
}

TEST_P(VmNodeOnEachKernel, LoadsModulesWithTheirDependencies) {
  VmOptions options = StubOptions(GetParam());
  options.modules = {"zram", "virtio_blk"};
  Recorder recorder;
  const auto outcome = RunStub(options, StubRequest("speak"), recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  const auto modules = recorder.Hello()["modules"].get<std::vector<std::string>>();
  // An entry with a text after the path is a module that the kernel refused.
  EXPECT_THAT(modules, testing::Contains("/modules/zram.ko"));
  EXPECT_THAT(modules, testing::Contains("/modules/virtio_blk.ko"));
  EXPECT_THAT(modules, testing::Each(testing::EndsWith(".ko")));
  EXPECT_EQ(recorder.Hello()["modules_load"], fmt::format("{}", fmt::join(modules, "\n")));
}

TEST(VmNode, GivesAScratchDisk) {
  RunRequest request = StubRequest("speak");
  request.scratch = MiB(64);
  Recorder recorder;
  const auto outcome = RunStub(StubOptions(), request, recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(recorder.Hello()["scratch"], "mounted");
}

TEST(VmNode, BulkEventsArriveWhole) {
  Recorder recorder;
  const auto outcome = RunStub(StubOptions(), StubRequest("bulk"), recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kComplete);
  EXPECT_THAT(recorder.Notes(), testing::Contains(std::string(500'000, 'b')).Times(2));
}

struct ShapeCase {
  const char* shape;
  int cpus;
  const char* numa_nodes;
  const char* threads_of_cpu0;
};

class VmNodeShape : public testing::TestWithParam<ShapeCase> {};
INSTANTIATE_TEST_SUITE_P(
    Shapes, VmNodeShape,
    testing::Values(ShapeCase{"one", 1, "0", "0"}, ShapeCase{"four", 4, "0", "0"},
                    ShapeCase{"smt", 8, "0", "0-1"}, ShapeCase{"smt-four", 4, "0", "0-1"},
                    ShapeCase{"two-llc", 4, "0", "0"}, ShapeCase{"two-numa", 4, "0-1", "0"},
                    ShapeCase{"hmat-far", 4, "0-2", "0"}, ShapeCase{"cxl", 2, "0", "0"}));

TEST_P(VmNodeShape, IsWhatTheGuestSees) {
  VmOptions options = StubOptions();
  options.shape = GetParam().shape;
  Recorder recorder;
  const auto outcome = RunStub(options, StubRequest("speak"), recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(recorder.Hello()["cpus"], GetParam().cpus);
  EXPECT_EQ(recorder.Hello()["numa_nodes"], GetParam().numa_nodes);
  EXPECT_EQ(recorder.Hello()["threads_of_cpu0"], GetParam().threads_of_cpu0);
}

// A guest that breaks off during its second claim.
struct BreakCase {
  const char* mode;
  Ending ending;
  const char* reason;
};

class VmNodeBreak : public testing::TestWithParam<BreakCase> {};
INSTANTIATE_TEST_SUITE_P(
    Modes, VmNodeBreak,
    testing::Values(
        BreakCase{"panic", Ending::kDied,
                  "the guest kernel panicked during claim second: Kernel panic - not syncing: "
                  "sysrq triggered crash"},
        BreakCase{"hang", Ending::kSilent, "the guest fell silent during claim second"},
        BreakCase{"exit", Ending::kDied, "Attempted to kill init! exitcode=0x00000700"},
        BreakCase{"poweroff", Ending::kDied, "the guest powered off during claim second"},
        BreakCase{"babble", Ending::kSilent, "the guest fell silent during claim second"}),
    [](const auto& mode) { return std::string(mode.param.mode); });

TEST_P(VmNodeBreak, SaysDuringWhichClaim) {
  VmOptions options = StubOptions("6.1");
  options.patience.slack = Seconds(2);
  RunRequest request = StubRequest(GetParam().mode);
  request.args["break_at"] = 2;
  request.args["budget_s"] = 0.1;
  Recorder recorder;
  const auto outcome = RunStub(options, request, recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, GetParam().ending) << outcome->reason;
  EXPECT_THAT(outcome->reason, HasSubstr(GetParam().reason));
  EXPECT_EQ(outcome->during_claim, "second");
  EXPECT_EQ(outcome->claims_finished, 1);
}

TEST(VmNode, HandsOnTheAgentsFatalWord) {
  Recorder recorder;
  const auto outcome = RunStub(StubOptions("6.1"), StubRequest("fatal"), recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kFatal);
  EXPECT_EQ(outcome->reason, "no such luck");
  EXPECT_EQ(outcome->hint, "try again");
}

TEST(VmNode, BootsAGuestThatPanicsAgainAndThenGivesUp) {
  VmOptions options = StubOptions("6.1");
  options.max_boots = 2;
  Recorder recorder;
  const auto outcome = RunStub(options, StubRequest("panic-early"), recorder);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message,
              HasSubstr("the guest kernel panicked before the agent said hello: Kernel panic - "
                        "not syncing: sysrq triggered crash (2 boots tried); its last console "
                        "lines: "));
  EXPECT_THAT(recorder.Notes(),
              testing::Contains(HasSubstr("boot 1 of 2 failed and is tried again")));
}

TEST(VmNode, NamesAnAgentThatExitsAtOnce) {
  VmOptions options = StubOptions("6.1");
  options.max_boots = 1;
  Recorder recorder;
  const auto outcome = RunStub(options, StubRequest("exit-early"), recorder);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("Attempted to kill init! exitcode=0x00000700"));
}

TEST(VmNode, GivesUpOnAGuestThatNeverSpeaks) {
  VmOptions options = StubOptions("6.1");
  options.max_boots = 1;
  options.patience.hello = Seconds(5);
  Recorder recorder;
  const auto outcome = RunStub(options, StubRequest("never-speak"), recorder);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message,
              HasSubstr("the guest fell silent before the agent said hello (1 boots tried)"));
}

TEST(VmNode, CancelEndsItAtOnce) {
  const Fd cancel(::eventfd(0, EFD_CLOEXEC));
  ASSERT_TRUE(cancel.valid());
  // Cancels as soon as the agent is heard, which is in the midst of a run.
  class CancelAtHello : public Recorder {
   public:
    explicit CancelAtHello(int fd) : fd_(fd) {}
    void OnEvent(const Event& event) override {
      Recorder::OnEvent(event);
      const uint64_t one = 1;
      if (event.kind != EventKind::kClaimStart) return;
      cancelled_at = std::chrono::steady_clock::now();
      EXPECT_EQ(::write(fd_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
    }
    std::chrono::steady_clock::time_point cancelled_at;

   private:
    int fd_;
  } recorder(cancel.get());
  RunRequest request = StubRequest("hang");
  request.args["break_at"] = 1;
  const auto outcome = RunStub(StubOptions("6.1"), request, recorder, cancel.get());
  const Seconds took = std::chrono::steady_clock::now() - recorder.cancelled_at;
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kCancelled);
  EXPECT_EQ(outcome->during_claim, "first");
  EXPECT_LT(took, Seconds(1));
}

TEST(VmNode, SaysThatQemuIsMissing) {
  VmOptions options = StubOptions();
  options.qemu = "qemu-system-vax";
  const auto node = VmNode::Create(options);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().ToString(),
            "qemu-system-vax is not installed; apt-get install qemu-system-x86");
}

TEST(VmNode, QemuThatRefusesItsArgumentsIsNotBootedAgain) {
  VmOptions options = StubOptions();
  options.qemu = "/bin/false";
  Recorder recorder;
  const auto outcome = RunStub(options, StubRequest("speak"), recorder);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("QEMU exited with status 1"));
}

// The deterministic lane: the same request, the same bytes.
class VmNodeDeterministic : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Guests, VmNodeDeterministic, testing::Values("6.12", "6.1"),
                         [](const auto& guest) {
                           return std::string(guest.param) == "6.1" ? "v61" : "v612";
                         });

std::string DeterministicStream(const std::string& kernel, uint64_t seed) {
  VmOptions options = StubOptions(kernel);
  options.cpus = 1;
  options.still_clock = NODEPROOF_BINARY_DIR "/bin/nodeproof-still-clock.so";
  RunRequest request = StubRequest("varies");
  request.lane = Lane::kDeterministic;
  request.seed = seed;
  Recorder recorder;
  const auto outcome = RunStub(options, request, recorder);
  if (!outcome) return outcome.error().ToString();
  EXPECT_EQ(outcome->ending, Ending::kComplete) << outcome->reason;
  EXPECT_EQ(outcome->boots, 1);
  return recorder.Stream();
}

TEST_P(VmNodeDeterministic, TwoRunsAreTheSameBytesAlsoOnABusyHost) {
  const std::string quiet = DeterministicStream(GetParam(), 7);
  EXPECT_THAT(quiet, HasSubstr("\"event\":\"end\""));
  EXPECT_THAT(quiet, HasSubstr("race"));
  std::atomic<bool> stop{false};
  const auto spin = [&] {
    while (!stop) {
    }
  };
  std::thread hogs[] = {std::thread(spin), std::thread(spin)};
  const std::string busy = DeterministicStream(GetParam(), 7);
  stop = true;
  for (std::thread& hog : hogs) hog.join();
  EXPECT_EQ(quiet, busy);
}

TEST(VmNode, TheSeedReachesADeterministicGuest) {
  EXPECT_NE(DeterministicStream("6.12", 7), DeterministicStream("6.12", 8));
}

TEST(VmNode, TheDeterministicLaneNeedsAQemuThatTakesThePreload) {
  const std::filesystem::path qemu = testing::TempDir() + "nodeproof-no-preload";
  ASSERT_TRUE(WriteFileAtomic(qemu,
                              "#!/bin/sh\nunset LD_PRELOAD\n"
                              "exec qemu-system-x86_64 \"$@\"\n"));
  std::filesystem::permissions(qemu, std::filesystem::perms::owner_all);
  VmOptions options = StubOptions();
  options.qemu = qemu;
  options.cpus = 1;
  options.still_clock = NODEPROOF_BINARY_DIR "/bin/nodeproof-still-clock.so";
  RunRequest request = StubRequest("speak");
  request.lane = Lane::kDeterministic;
  Recorder recorder;
  const auto outcome = RunStub(options, request, recorder);
  std::filesystem::remove(qemu);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().ToString(), HasSubstr("QEMU does not take LD_PRELOAD"));
  EXPECT_THAT(recorder.events, testing::IsEmpty());
}

TEST(VmNode, TheDeterministicLaneAvoidsWhatHangs) {
  VmOptions options = StubOptions("6.1");
  RunRequest request = StubRequest("speak");
  request.lane = Lane::kDeterministic;
  Recorder recorder;
  const auto outcome = RunStub(options, request, recorder);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(recorder.Hello()["cpus"], 1);
  EXPECT_THAT(recorder.Notes(), testing::Contains(HasSubstr("it has one CPU in this run")));

  options.cpus = 2;
  const auto refused = RunStub(options, request, recorder);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(),
              HasSubstr("hangs with more than one CPU in the deterministic lane; use --cpus 1"));

  request.scratch = MiB(64);
  options.cpus = 1;
  EXPECT_EQ(RunStub(options, request, recorder).error().message,
            "the deterministic lane has no disks");
}

// Processes that carry a mark in their environment, as everything does that a marked one started.
std::vector<pid_t> MarkedProcesses(const std::string& mark) {
  std::vector<pid_t> marked;
  const auto names = ListDirectory(AT_FDCWD, "/proc");
  for (const std::string& name : *names) {
    const auto pid = ParseInt(name);
    const auto environment = pid ? ReadFile("/proc/" + name + "/environ") : Fail("no pid");
    if (environment && environment->find(mark) != std::string::npos) {
      marked.push_back(static_cast<pid_t>(*pid));
    }
  }
  return marked;
}

// Runs a guest in a process of its own and kills that process after a time.
void KillARunAfter(std::chrono::milliseconds time, const std::string& mark) {
  const pid_t runner = ::fork();
  if (runner == 0) {
    ::setenv("NODEPROOF_TEST_MARK", mark.c_str(), 1);
    ::execl(NODEPROOF_BINARY_DIR "/test/stub_run", "stub_run", "6.1", "hang", "realtime", "2",
            "64M", nullptr);
    _exit(127);
  }
  ASSERT_GT(runner, 0);
  const Fd watched(static_cast<int>(::syscall(SYS_pidfd_open, runner, 0)));
  pollfd ended{watched.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, static_cast<int>(time.count())), 0) << "the run ended by itself";
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
}

TEST(VmNode, LeavesNothingWhenItsProcessIsKilledAtAnyMoment) {
  char folder[] = "/tmp/nodeproof-killed-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  ::setenv("TMPDIR", folder, 1);
  std::mt19937 random(42);
  for (int i = 0; i < 20; ++i) {
    const std::string mark = fmt::format("nodeproof-{}-{}-", ::getpid(), i);
    // Starting takes some 100 ms, a boot some seconds: half of the kills hit the start.
    const std::chrono::milliseconds time(random() % (i % 2 == 0 ? 150U : 4000U));
    KillARunAfter(time, mark);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!MarkedProcesses(mark).empty() && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_THAT(MarkedProcesses(mark), testing::IsEmpty()) << "killed after " << time.count();
  }
  EXPECT_THAT(ListDirectory(AT_FDCWD, folder).value(), testing::IsEmpty());
  ::rmdir(folder);
}

}  // namespace
}  // namespace nodeproof::node
