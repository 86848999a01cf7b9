// Runs the stub agent in a VM, for tests that kill the run and for timing it:
//   stub_run KERNEL MODE LANE CPUS [SCRATCH]
// Prints one line of JSON: how it ended, and the seconds from the start of Create to the hello
// event, from there to the end event, and from there to Run's return.
#include <chrono>
#include <cstdio>
#include <string>

#include "harness/base/file.h"
#include "harness/node/vm_node.h"

namespace nodeproof::node {
namespace {

using SteadyClock = std::chrono::steady_clock;

double SecondsBetween(SteadyClock::time_point from, SteadyClock::time_point to) {
  return Seconds(to - from).count();
}

struct Stamps : EventSink {
  void OnEvent(const Event& event) override {
    if (event.kind == EventKind::kHello) hello = SteadyClock::now();
    if (event.kind == EventKind::kEnd) end = SteadyClock::now();
    if (event.kind == EventKind::kNote) notes.push_back(event.body["text"]);
  }
  SteadyClock::time_point hello;
  SteadyClock::time_point end;
  Json notes = Json::array();
};

Result<Json> Run(char** argv, const std::string& scratch) {
  const auto start = SteadyClock::now();
  VmOptions options;
  options.agent = NODEPROOF_BINARY_DIR "/test/stub_init";
  options.kernel = argv[1];
  RunRequest request;
  request.claims = {"first"};
  request.args = {{"mode", argv[2]}, {"break_at", 1}};
  request.lane = TRY(ParseLane(argv[3]));
  options.cpus = static_cast<int>(TRY(ParseInt(argv[4])));
  if (!scratch.empty()) request.scratch = TRY(ParseSize(scratch));
  auto node = TRY(VmNode::Create(options));
  const auto created = SteadyClock::now();
  Stamps stamps;
  const RunOutcome outcome = TRY(node->Run(request, stamps, -1));
  return Json{{"ending", ToString(outcome.ending)},
              {"reason", outcome.reason},
              {"boots", outcome.boots},
              {"create_s", SecondsBetween(start, created)},
              {"hello_s", SecondsBetween(start, stamps.hello)},
              {"speak_s", SecondsBetween(stamps.hello, stamps.end)},
              {"exit_s", SecondsBetween(stamps.end, SteadyClock::now())},
              {"notes", stamps.notes}};
}

}  // namespace
}  // namespace nodeproof::node

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: stub_run KERNEL MODE LANE CPUS [SCRATCH]\n");
    return 2;
  }
  const auto report = nodeproof::node::Run(argv, argc > 5 ? argv[5] : "");
  if (!report) {
    fmt::print(stderr, "error: {}\n", report.error().ToString());
    return 2;
  }
  fmt::print("{}\n", report->dump());
  return 0;
}
