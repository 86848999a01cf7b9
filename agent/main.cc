// nodeproof-agent: carries out one request on the node it runs on.
//
// As process 1 of a VM its request stands in the initramfs, and events go to the second serial
// line. Elsewhere:
//
//   nodeproof-agent list [--benchmarks]          what claims or benchmarks there are, as JSON
//   nodeproof-agent load NAME [--seconds N]      one load alone, for comparisons
//   nodeproof-agent --request-fd N --events-fd M [--cgroup-root DIR]     on this host
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "agent/event_writer.h"
#include "agent/guest.h"
#include "agent/host.h"
#include "agent/load.h"
#include "agent/session.h"
#include "bench/all_benches.h"
#include "conformance/all_claims.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/numa/cxl.h"

namespace nodeproof::agent {
namespace {

int ListClaims() {
  conformance::ClaimRegistry registry;
  conformance::RegisterAllClaims(registry);
  Json claims = Json::array();
  for (const conformance::Claim& claim : registry.claims()) {
    claims.push_back(conformance::Describe(claim));
  }
  fmt::print("{}\n", claims.dump());
  return 0;
}

int ListBenches() {
  bench::Registry registry;
  bench::RegisterAllBenches(registry);
  Json benches = Json::array();
  for (const bench::Bench& each : registry.benches()) benches.push_back(bench::Describe(each));
  fmt::print("{}\n", benches.dump());
  return 0;
}

// Any kernel may be booted, also one without the drivers: then what needs no disk still runs.
void UseScratchDisk(Place& place, const EventWriter& events) {
  auto scratch = MountScratch();
  if (scratch) {
    place.scratch = std::move(*scratch);
    return;
  }
  place.why_no_scratch = scratch.error().ToString();
  events.Write(node::NoteEvent("the scratch disk cannot be used: " + place.why_no_scratch));
}

Status RunInGuest(const EventWriter& events) {
  const node::RunRequest request = TRY(node::ParseRequest(TRY(ReadFile(node::kGuestRequestPath))));
  TRY(LoadModules());
  Place place;
  place.kind = "vm";
  place.own_hierarchy = true;
  place.why_no_scratch = "the VM has no scratch disk";
  if (request.scratch.value > 0) UseScratchDisk(place, events);
  if (const auto cxl = numa::OnlineCxlMemory(MonotonicClock()); !cxl) {
    place.why_no_cxl = cxl.error().ToString();
    events.Write(node::NoteEvent("CXL memory stays offline: " + place.why_no_cxl));
  }
  return RunSession(request, place, events);
}

[[noreturn]] void BeInit() {
  auto channel = SetUpGuest();
  if (!channel) {  // only the console is left to say it on
    fmt::print(stderr, "nodeproof-agent: {}\n", channel.error().ToString());
    PowerOff();
  }
  const EventWriter events(std::move(*channel));
  if (const auto done = RunInGuest(events); !done) {
    events.Write(node::FatalEvent(done.error().message, done.error().hint));
  }
  events.Drain();
  PowerOff();
}

Result<int> RunOnHost(int request_fd, const std::string& cgroup_root, const EventWriter& events) {
  const node::RunRequest request = TRY(node::ParseRequest(TRY(ReadAll(request_fd, "the request"))));
  Place place;
  place.kind = "host";
  place.cgroup_root = cgroup_root;
  const char* temporary = std::getenv("TMPDIR");
  auto scratch = FindHostScratch(temporary != nullptr ? temporary : "/var/tmp");
  if (scratch) {
    place.scratch = *scratch;
  } else {
    place.why_no_scratch = scratch.error().message;
  }
  return SuperviseSession(request, place, events);
}

int Main(int argc, char** argv) {
  if (::getpid() == 1) BeInit();
  CLI::App app("Carries out one nodeproof request on this node.");
  CLI::App* list = app.add_subcommand("list", "Print what claims there are, as JSON.");
  bool benchmarks = false;
  list->add_flag("--benchmarks", benchmarks, "Print what benchmarks there are instead.");
  CLI::App* load = app.add_subcommand("load", "Run one load alone and count what it did.");
  std::string load_name;
  double load_seconds = 5;
  load->add_option("NAME", load_name, "The load, such as cpu-hog.")->required();
  load->add_option("--seconds", load_seconds, "How long (default: 5).")
      ->check(CLI::Range(0.1, 3600.0));
  std::string load_directory;
  load->add_option("--in", load_directory,
                   "Where its files are, in memory too (default: TMPDIR or /var/tmp, on a disk).")
      ->check(CLI::ExistingDirectory);
  int request_fd = -1;
  int events_fd = -1;
  std::string cgroup_root = "/sys/fs/cgroup";
  app.add_option("--request-fd", request_fd, "Descriptor to read the request from.");
  app.add_option("--events-fd", events_fd, "Descriptor to write events to.");
  app.add_option("--cgroup-root", cgroup_root, "Where the unified hierarchy is mounted.");
  CLI11_PARSE(app, argc, argv);
  if (list->parsed()) return benchmarks ? ListBenches() : ListClaims();
  if (load->parsed()) {
    const Status done = RunLoad(load_name, Seconds(load_seconds), load_directory);
    if (!done) fmt::print(stderr, "error: {}\n", done.error().ToString());
    return done ? 0 : 2;
  }
  if (request_fd < 0 || events_fd < 0) {
    fmt::print(stderr,
               "error: --request-fd and --events-fd are needed; `nodeproof run` sets them\n");
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);  // a broken channel is EPIPE, so that the capsule is still removed
  const EventWriter events{Fd(events_fd)};
  const auto status = RunOnHost(request_fd, cgroup_root, events);
  if (status) return *status;
  events.Write(node::FatalEvent(status.error().message, status.error().hint));
  return 2;
}

}  // namespace
}  // namespace nodeproof::agent

int main(int argc, char** argv) { return nodeproof::agent::Main(argc, argv); }
