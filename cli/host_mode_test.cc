// Host mode (`nodeproof run --node host`, `nodeproof clean`) on a machine of its own: a guest in
// which testdata/host_mode_init.cc plays the host. ctest label `vm`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>

#include "harness/base/file.h"
#include "harness/node/elf_closure.h"
#include "harness/node/vm_node.h"

namespace nodeproof::cli {
namespace {

using node::Json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A folder that goes with the object.
class Folder {
 public:
  Folder() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "nodeproof-host-mode-XXXXXX";
};

// The program and its libraries, stripped to what a guest loads.
Status Pack(const std::string& program, const std::string& guest_path, const Folder& folder,
            std::vector<node::ExtraFile>& files) {
  for (const node::ClosureFile& file :
       TRY(node::LibraryClosure(program, guest_path, node::DefaultLibraryDirectories()))) {
    const std::string copy = fmt::format("{}/{}", folder.path(), files.size());
    TRY(WriteFileAtomic(copy, file.content));
    files.push_back({file.guest_path, copy});
  }
  return {};
}

Result<std::unique_ptr<node::VmNode>> MakeMachine() {
  const Folder folder;
  node::VmOptions options;
  options.agent = NODEPROOF_BINARY_DIR "/test/host_mode_init";
  options.kernel = "6.12";
  for (const char* program : {"nodeproof", "nodeproof-agent"}) {
    TRY(Pack(fmt::format("{}/bin/{}", NODEPROOF_BINARY_DIR, program),
             fmt::format("/bin/{}", program), folder, options.files));
  }
  return node::VmNode::Create(options);
}

class Recorder : public node::EventSink {
 public:
  void OnEvent(const node::Event& event) override {
    if (event.kind == node::EventKind::kHello) before = event.body["node"];
    if (event.kind == node::EventKind::kClaim) {
      const Json& claim = event.body["claim"];
      found[claim["id"].get<std::string>()] = claim["found"];
    }
  }
  Json before;
  std::map<std::string, Json> found;
};

const std::vector<std::string> kScenarios = {"run",
                                             "sigterm",
                                             "sigint",
                                             "kill-nodeproof",
                                             "kill-supervisor",
                                             "kill-supervisor-of-two",
                                             "without-cpuset",
                                             "without-cpu",
                                             "unprivileged-host",
                                             "unprivileged-auto",
                                             "delegated",
                                             "delegated-clean",
                                             "scratch-in-memory",
                                             "scratch-on-disk",
                                             "watched"};

Result<node::RunOutcome> PlayAll(Recorder& recorder) {
  auto machine = TRY(MakeMachine());
  node::RunRequest request;
  request.claims = kScenarios;
  request.scratch = MiB(1024);
  return machine->Run(request, recorder, -1);
}

class HostMode : public testing::Test {
 protected:
  // One boot for all: every scenario must leave the machine as it found it.
  static void SetUpTestSuite() {
    auto outcome = PlayAll(recorder_);
    if (outcome && outcome->emulator_fault) {  // says nothing about host mode
      std::cout << "again: " << outcome->reason << "\n";
      recorder_ = Recorder();
      outcome = PlayAll(recorder_);
    }
    ASSERT_TRUE(outcome) << outcome.error().ToString();
    EXPECT_EQ(outcome->ending, node::Ending::kComplete) << outcome->reason << "\n"
                                                        << outcome->console;
  }

  static Json Found(const std::string& scenario) {
    const auto at = recorder_.found.find(scenario);
    if (at == recorder_.found.end()) ADD_FAILURE() << scenario << " was not played to its end";
    const Json found = at == recorder_.found.end() ? Json::object() : at->second;
    EXPECT_EQ(found.value("machine", Json()), recorder_.before) << "after " << scenario;
    return found;
  }
  static std::string Verdict(const Json& found, const std::string& claim) {
    return found.at("verdicts").at(claim).at("verdict").get<std::string>();
  }
  static std::string Reason(const Json& found, const std::string& claim) {
    return found.at("verdicts").at(claim).at("reason").get<std::string>();
  }
  static void ExpectOneErrorLine(const Json& said) {
    EXPECT_EQ(said.at("exit"), "exit 2") << said.dump(2);
    EXPECT_THAT(said.at("err").get<std::string>(), testing::MatchesRegex("error: [^\n]*\n"));
  }
  // Groups that are there now and were not at the start.
  static std::vector<std::string> Added(const Json& groups) {
    std::vector<std::string> added;
    for (const Json& group : groups) {
      const Json& before = recorder_.before.at("groups");
      if (std::find(before.begin(), before.end(), group) == before.end()) added.push_back(group);
    }
    return added;
  }
  static void ExpectCleaned(const Json& found) {
    EXPECT_EQ(found.at("load"), true);
    EXPECT_EQ(found.at("load_died"), true);
    const auto left = Added(found.at("left"));
    ASSERT_EQ(left.size(), 1u) << found.dump(2);
    EXPECT_THAT(left[0], testing::MatchesRegex("nodeproof-[0-9]+\\.slice"));
    EXPECT_EQ(found.at("clean").at("exit"), "exit 0");
    const auto cleaned = found.at("clean").at("out").get<std::string>();
    EXPECT_THAT(cleaned, HasSubstr("removed /sys/fs/cgroup/" + left[0] + "\n"));
    EXPECT_THAT(cleaned, HasSubstr("not made by nodeproof, left alone: "
                                   "/sys/fs/cgroup/nodeproof-99.slice\n"));
    EXPECT_THAT(Added(found.at("left_by_clean")), testing::ElementsAre("nodeproof-99.slice"));
    EXPECT_EQ(found.at("clean_again").at("out"), "nothing to clean\n");
  }

  static Recorder recorder_;
};

Recorder HostMode::recorder_;

TEST_F(HostMode, ClaimsHoldAndTheMachineIsAsBefore) {
  const Json found = Found("run");
  EXPECT_EQ(found.at("exit"), "exit 0") << found.dump(2);
  EXPECT_EQ(found.at("verdicts").size(), 3u);
  for (const char* claim : {"cpu.weight.siblings", "cpuset.pinned", "memory.max.oom"}) {
    EXPECT_EQ(Verdict(found, claim), "holds") << Reason(found, claim);
  }
  EXPECT_EQ(found.at("err"), "");
}

TEST_F(HostMode, ASignalEndsItInOrder) {
  for (const char* signal : {"sigterm", "sigint"}) {
    SCOPED_TRACE(signal);
    const Json found = Found(signal);
    EXPECT_EQ(found.at("load"), true);
    ExpectOneErrorLine(found);
    EXPECT_THAT(found.at("err").get<std::string>(),
                StartsWith("error: interrupted after 0 finished claims"));
    EXPECT_EQ(found.at("verdicts"), Json::object());
  }
}

TEST_F(HostMode, CleanRemovesWhatAKilledRunLeft) {
  const Json found = Found("kill-nodeproof");
  EXPECT_EQ(found.at("run").at("exit"), "killed by signal 9");
  ExpectCleaned(found);
}

TEST_F(HostMode, CleanRemovesWhatAKilledSupervisorLeft) {
  const Json found = Found("kill-supervisor");
  EXPECT_EQ(found.at("run").at("exit"), "exit 3") << found.dump(2);
  EXPECT_EQ(Verdict(found, "cpu.weight.siblings"), "error");
  EXPECT_THAT(Reason(found, "cpu.weight.siblings"), HasSubstr("was killed by signal 9"));
  ExpectCleaned(found);
}

TEST_F(HostMode, ARunOutlivesItsSupervisor) {
  const Json found = Found("kill-supervisor-of-two");
  EXPECT_EQ(found.at("run").at("exit"), "exit 3") << found.dump(2);
  EXPECT_EQ(Verdict(found, "cpu.weight.siblings"), "error");
  EXPECT_EQ(Verdict(found, "memory.max.oom"), "holds") << Reason(found, "memory.max.oom");
}

TEST_F(HostMode, AControllerThatIsOffIsUnsupportedByNameAndStaysOff) {
  for (const std::string controller : {"cpuset", "cpu"}) {
    SCOPED_TRACE(controller);
    const Json found = Found("without-" + controller);
    EXPECT_EQ(found.at("exit"), "exit 0") << found.dump(2);
    for (const char* claim : {"cpu.weight.siblings", "memory.max.oom"}) {
      EXPECT_EQ(Verdict(found, claim), "unsupported");
      EXPECT_EQ(Reason(found, claim),
                fmt::format("controller {0} is off in /sys/fs/cgroup/cgroup.subtree_control; turn "
                            "it on with: echo +{0} > /sys/fs/cgroup/cgroup.subtree_control",
                            controller));
    }
    const auto on = found.at("subtree_control").get<std::string>();
    EXPECT_THAT(Words(on), Not(testing::Contains(controller)));
    // Left to itself nodeproof would rather have a VM, which this machine cannot start.
    ExpectOneErrorLine(found.at("auto"));
    EXPECT_THAT(found.at("auto").at("err").get<std::string>(),
                HasSubstr(fmt::format("to run in a VM, because here "
                                      "/sys/fs/cgroup/cgroup.subtree_control does not have {} on",
                                      controller)));
  }
}

TEST_F(HostMode, AnUnprivilegedUserIsToldWhatToDo) {
  const Json host = Found("unprivileged-host");
  ExpectOneErrorLine(host);
  EXPECT_THAT(host.at("err").get<std::string>(),
              testing::AllOf(HasSubstr("/sys/fs/cgroup"), HasSubstr("Permission denied"),
                             HasSubstr("run as root"), HasSubstr("--node vm")));
  // A VM is chosen, which this machine cannot start either.
  const Json automatic = Found("unprivileged-auto");
  ExpectOneErrorLine(automatic);
  EXPECT_THAT(automatic.at("err").get<std::string>(),
              testing::AllOf(HasSubstr("Permission denied"), HasSubstr("VM")));
}

TEST_F(HostMode, AUserWithADelegatedCgroupNeedsNoRoot) {
  const Json found = Found("delegated");
  EXPECT_EQ(found.at("exit"), "exit 0") << found.dump(2);
  EXPECT_THAT(found.at("out").get<std::string>(),
              testing::AllOf(HasSubstr("holds        cpuset.pinned"),
                             HasSubstr("holds        memory.max.oom")));
  const Json killed = Found("delegated-clean");
  EXPECT_EQ(killed.at("load"), true) << killed.dump(2);
  EXPECT_EQ(killed.at("load_died"), true);
  EXPECT_THAT(killed.at("clean").at("out").get<std::string>(),
              StartsWith("removed /sys/fs/cgroup/delegated.slice/nodeproof-"));
}

TEST_F(HostMode, AScratchFolderInMemoryIsUnsupported) {
  const Json found = Found("scratch-in-memory");
  EXPECT_EQ(found.at("exit"), "exit 0") << found.dump(2);
  EXPECT_EQ(Verdict(found, "memory.min.anon-hog"), "unsupported");
  EXPECT_THAT(Reason(found, "memory.min.anon-hog"),
              HasSubstr("/tmp is in memory; set TMPDIR to a directory on a disk"));
}

TEST_F(HostMode, AScratchFolderOnADiskIsUsedAndLeftEmpty) {
  const Json found = Found("scratch-on-disk");
  EXPECT_EQ(found.at("exit"), "exit 0") << found.dump(2);
  EXPECT_EQ(Verdict(found, "memory.min.anon-hog"), "holds") << Reason(found, "memory.min.anon-hog");
  EXPECT_EQ(found.at("files"), Json({"lost+found"}));
}

TEST_F(HostMode, ClaimsAboutMemoryReachNobodyOutsideTheCapsule) {
  const Json found = Found("watched");
  EXPECT_EQ(found.at("run").at("exit"), "exit 0") << found.dump(2);
  EXPECT_EQ(found.at("verdicts").size(), 6u);
  for (const auto& [claim, said] : found.at("verdicts").items()) {
    EXPECT_EQ(said.at("verdict"), "holds") << claim << ": " << said.at("reason");
  }
  const Json& watched = found.at("watched");
  EXPECT_GT(watched.at("seconds"), 5) << "the claims hardly ran";
  EXPECT_EQ(watched.at("page_cache_kept"), watched.at("page_cache"));
  EXPECT_EQ(watched.at("refaults"), 0);
  EXPECT_EQ(watched.at("major_faults"), 0);
  EXPECT_GE(watched.at("anon_kept"), watched.at("anon"));
  // One thread beside a capsule of the same weight, on two CPUs: it may always have half of the one
  // that it is on. 0.05 of it is for the sampler, which is a real-time task for a moment each time.
  EXPECT_GE(watched.at("cpu_share"), 0.45) << watched.dump(2);
  std::cout << "watcher: " << watched.dump() << "\n";

  const Json& taken = found.at("pages_taken");
  EXPECT_LE(taken.at("page_cache_kept").get<int64_t>(),
            taken.at("page_cache").get<int64_t>() - MiB(4).value)
      << "the watcher sees no pages go";
}

}  // namespace
}  // namespace nodeproof::cli
