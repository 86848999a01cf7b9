// The protocol between the CLI and the agent: one request in, a stream of events out.
//
// In a VM the agent is /init, reads the request from kGuestRequestPath and writes events to
// kGuestEventsPath. On the host it is started as
//   nodeproof-agent --request-fd N --events-fd M
// with both descriptors inherited. Either way an event is one line of JSON, ended by '\n':
//   {"event":"hello","protocol":1,"node":{…facts…}}              once, first
//   {"event":"claim_start","id":…,"index":1,"total":8,"budget_s":40}
//   {"event":"progress","id":…,"arm":"protected","windows":3,"elapsed_s":1.5}
//   {"event":"claim","claim":{…results.h…}}
//   {"event":"benchmark","row":{…results.schema.json, "benchmark"…}}   it began as a claim does
//   {"event":"note","text":…}
//   {"event":"fatal","message":…,"hint":…}                       the agent cannot go on
//   {"event":"end","claims":8}                                   once, last: the run is whole
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::node {

using Json = nlohmann::json;

constexpr int kProtocolVersion = 1;
constexpr std::string_view kRequestSchema = "nodeproof.request/1";

// Where things stand in a guest's initramfs.
constexpr const char* kGuestAgentPath = "/init";
constexpr const char* kGuestRequestPath = "/request.json";
constexpr const char* kGuestEventsPath = "/dev/ttyS1";
// Kernel modules to load, one path a line, dependencies first; the same list as
// RunRequest::modules. Absent when there are none.
constexpr const char* kGuestModulesPath = "/modules.load";
// The serial number of the scratch disk: look it up in /sys/block/nvme*n1/device/serial, because
// the numbering swaps between boots.
constexpr const char* kScratchSerial = "scratch";

// Whose clock the run goes by: the host's, or QEMU's instruction counter.
enum class Lane { kRealtime, kDeterministic };
std::string_view ToString(Lane lane);  // "realtime", "deterministic"
Result<Lane> ParseLane(std::string_view text);

// How the kubelet names cgroups (KubeletConfiguration.cgroupDriver).
enum class CgroupDriver { kSystemd, kCgroupfs };
std::string_view ToString(CgroupDriver driver);  // "systemd", "cgroupfs"
Result<CgroupDriver> ParseCgroupDriver(std::string_view text);

struct RunRequest {
  std::vector<std::string> claims;           // ids, in the order to run them
  std::vector<std::string> benchmarks = {};  // likewise; they run after the claims
  bool control = true;                       // false leaves the control arms out
  uint64_t seed = 0;
  int repeat = 1;
  Lane lane = Lane::kRealtime;
  CgroupDriver driver = CgroupDriver::kSystemd;
  Seconds claim_timeout{0};          // a claim's time budget; 0 is each claim's own
  std::vector<std::string> modules;  // paths in the guest, in load order; VmNode fills this in
  bool allow_whole_node = false;     // may claims take the machine's memory, swap and sysctls?
  Bytes scratch{0};                  // an ext4 scratch disk of this size; 0 is none (VM only)
  std::string why_no_cgroups = {};   // of a host where only what needs no cgroup v2 can run; or ""
  Json args = Json::object();        // reserved
};

// The request as the agent reads it, and back. Parsing is strict: an unknown field, a missing
// field, a wrong type or a number out of range is an Error that names the field.
std::string FormatRequest(const RunRequest& request);
Result<RunRequest> ParseRequest(std::string_view text);

enum class EventKind { kHello, kClaimStart, kProgress, kClaim, kBenchmark, kNote, kFatal, kEnd };
std::string_view ToString(EventKind kind);  // "hello", "claim_start", …

// One event. The body is the whole line, checked: the fields named at the top of this file are
// there with their types.
struct Event {
  EventKind kind = EventKind::kNote;
  Json body;
};

Event HelloEvent(Json node_facts);
Event ClaimStartEvent(std::string_view id, int index, int total, Seconds budget);
Event ProgressEvent(std::string_view id, std::string_view arm, int windows, Seconds elapsed);
Event ClaimEvent(Json claim);
Event BenchmarkEvent(Json row);
Event NoteEvent(std::string_view text);
Event FatalEvent(std::string_view message, std::string_view hint);
Event EndEvent(int finished);

// The event as a line, '\n' included. Bytes that are not UTF-8 are replaced.
std::string FormatEvent(const Event& event);

// Reads one line without its '\n'. Errors name the event and the field.
Result<Event> ParseEvent(std::string_view line);

// Events out of a byte stream that may be cut anywhere. A line that is not an event (kernel text
// in the channel, a line longer than kMaxLine) becomes a note that quotes its start; text before
// an event on the same line is quoted likewise and the event kept.
class EventParser {
 public:
  static constexpr size_t kMaxLine = 8 << 20;

  // The events that `bytes` completed, in order.
  std::vector<Event> Feed(std::string_view bytes);
  // The stream has ended: what stands in an unfinished line, as a note.
  std::vector<Event> Finish();

 private:
  void TakeLine(std::string_view line, std::vector<Event>& events);

  std::string partial_;
  bool skipping_ = false;  // inside a line that was longer than kMaxLine
};

}  // namespace nodeproof::node
