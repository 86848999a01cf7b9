// These cases boot guests: ctest label `vm`. They need QEMU and the kernels that
// scripts/fetch-kernels puts into the cache, and fail where one is missing.
#include "harness/node/vm_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
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

}  // namespace
}  // namespace nodeproof::node
