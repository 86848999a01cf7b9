#include "harness/node/protocol.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

constexpr size_t kQuoted = 160;  // of a line that is not an event
constexpr int kMaxDepth = 64;    // of nested JSON; a claim needs about ten
constexpr int kMaxRepeat = 100000;

template <typename Enum>
using Named = std::pair<Enum, std::string_view>;

constexpr std::array<Named<Lane>, 2> kLanes{
    {{Lane::kRealtime, "realtime"}, {Lane::kDeterministic, "deterministic"}}};
constexpr std::array<Named<CgroupDriver>, 2> kDrivers{
    {{CgroupDriver::kSystemd, "systemd"}, {CgroupDriver::kCgroupfs, "cgroupfs"}}};
constexpr std::array<Named<EventKind>, 8> kKinds{{{EventKind::kHello, "hello"},
                                                  {EventKind::kClaimStart, "claim_start"},
                                                  {EventKind::kProgress, "progress"},
                                                  {EventKind::kClaim, "claim"},
                                                  {EventKind::kBenchmark, "benchmark"},
                                                  {EventKind::kNote, "note"},
                                                  {EventKind::kFatal, "fatal"},
                                                  {EventKind::kEnd, "end"}}};

template <typename Table, typename Enum>
std::string_view NameOf(const Table& table, Enum value) {
  return std::find_if(table.begin(), table.end(),
                      [&](const auto& entry) { return entry.first == value; })
      ->second;
}

template <typename Table>
auto ValueOf(const Table& table, std::string_view name)
    -> std::optional<typename Table::value_type::first_type> {
  for (const auto& [value, text] : table) {
    if (text == name) return value;
  }
  return std::nullopt;
}

// nlohmann's own recursion (copying, dumping) is not bounded, so depth is checked before parsing.
bool TooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

Result<Json> ParseObject(std::string_view text) {
  if (TooDeep(text)) return Fail("JSON nested deeper than {} levels", kMaxDepth);
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Fail("not valid JSON");
  if (!json.is_object()) return Fail("not a JSON object");
  return json;
}

// Takes fields out of an object and remembers the first thing that is wrong with them.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}

  std::string Text(const char* name) {
    const Json* field = Find(name, &Json::is_string, "a string");
    return field ? field->get<std::string>() : "";
  }
  bool Flag(const char* name) {
    const Json* field = Find(name, &Json::is_boolean, "true or false");
    return field && field->get<bool>();
  }
  double NonNegative(const char* name) {
    const Json* field = Find(name, &Json::is_number, "a number");
    const double value = field ? field->get<double>() : 0;
    if (value < 0) Complain(name, "must not be negative");
    return value;
  }
  int64_t Integer(const char* name, int64_t low, int64_t high) {
    const Json* field = Find(name, &Json::is_number_integer, "an integer");
    if (!field) return low;
    // A number above the signed range reads as unsigned; it is above every `high` too.
    const bool huge =
        field->is_number_unsigned() &&
        field->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    const int64_t value = huge ? std::numeric_limits<int64_t>::max() : field->get<int64_t>();
    if (huge || value < low || value > high) {
      Complain(name, fmt::format("must be {} to {}", low, high));
      return low;
    }
    return value;
  }
  uint64_t Unsigned(const char* name) {
    const Json* field = Find(name, &Json::is_number_unsigned, "a non-negative integer");
    return field ? field->get<uint64_t>() : 0;
  }
  std::vector<std::string> Texts(const char* name) {
    std::vector<std::string> texts;
    const Json* field = Find(name, &Json::is_array, "a list");
    if (!field) return texts;
    for (const Json& item : *field) {
      if (!item.is_string()) {
        Complain(name, "must be a list of strings");
        return {};
      }
      texts.push_back(item.get<std::string>());
    }
    return texts;
  }
  Json Object(const char* name) {
    const Json* field = Find(name, &Json::is_object, "an object");
    return field ? *field : Json::object();
  }
  void Complain(const char* name, const std::string& what) {
    if (problem_.empty()) problem_ = fmt::format("{}: {}", name, what);
  }
  // Every field of the object must have been asked for.
  void NoOthers() {
    for (const auto& [name, unused] : object_.items()) {
      if (std::find(seen_.begin(), seen_.end(), name) == seen_.end()) {
        Complain(name.c_str(), "is not a field of this format");
      }
    }
  }
  const std::string& problem() const { return problem_; }

 private:
  const Json* Find(const char* name, bool (Json::*is)() const noexcept, const char* wanted) {
    seen_.emplace_back(name);
    const auto found = object_.find(name);
    if (found == object_.end()) {
      Complain(name, "is missing");
      return nullptr;
    }
    if (!((*found).*is)()) {
      Complain(name, fmt::format("must be {}", wanted));
      return nullptr;
    }
    return &*found;
  }

  const Json& object_;
  std::string problem_;
  std::vector<std::string> seen_;
};

Json Body(EventKind kind) { return {{"event", ToString(kind)}}; }

// A line's start, fit for a message: control characters become spaces, bad UTF-8 dots.
std::string Quote(std::string_view line) {
  std::string text(line.substr(0, kQuoted));
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80) c = '.';
  }
  return text + (line.size() > kQuoted ? "…" : "");
}

void CheckFields(EventKind kind, Fields& fields) {
  constexpr int64_t kMaxCount = std::numeric_limits<int>::max();
  switch (kind) {
    case EventKind::kHello:
      fields.Integer("protocol", 0, kMaxCount);
      fields.Object("node");
      break;
    case EventKind::kClaimStart:
      fields.Text("id");
      fields.Integer("index", 1, kMaxCount);
      fields.Integer("total", 1, kMaxCount);
      fields.NonNegative("budget_s");
      break;
    case EventKind::kProgress:
      fields.Text("id");
      fields.Text("arm");
      fields.Integer("windows", 0, kMaxCount);
      fields.NonNegative("elapsed_s");
      break;
    case EventKind::kClaim:
      fields.Object("claim");
      break;
    case EventKind::kBenchmark:
      fields.Object("row");
      break;
    case EventKind::kNote:
      fields.Text("text");
      break;
    case EventKind::kFatal:
      fields.Text("message");
      fields.Text("hint");
      break;
    case EventKind::kEnd:
      fields.Integer("claims", 0, kMaxCount);
      break;
  }
}

}  // namespace

std::string_view ToString(Lane lane) { return NameOf(kLanes, lane); }
std::string_view ToString(CgroupDriver driver) { return NameOf(kDrivers, driver); }
std::string_view ToString(EventKind kind) { return NameOf(kKinds, kind); }

Result<Lane> ParseLane(std::string_view text) {
  if (const auto lane = ValueOf(kLanes, text)) return *lane;
  return Fail("unknown lane '{}': it is 'realtime' or 'deterministic'", text);
}

Result<CgroupDriver> ParseCgroupDriver(std::string_view text) {
  if (const auto driver = ValueOf(kDrivers, text)) return *driver;
  return Fail("unknown cgroup driver '{}': it is 'systemd' or 'cgroupfs'", text);
}

std::string FormatRequest(const RunRequest& request) {
  const Json json = {{"schema", kRequestSchema},
                     {"claims", request.claims},
                     {"benchmarks", request.benchmarks},
                     {"control", request.control},
                     {"seed", request.seed},
                     {"repeat", request.repeat},
                     {"lane", ToString(request.lane)},
                     {"driver", ToString(request.driver)},
                     {"claim_timeout_s", request.claim_timeout.count()},
                     {"modules", request.modules},
                     {"allow_whole_node", request.allow_whole_node},
                     {"scratch_bytes", request.scratch.value},
                     {"why_no_cgroups", request.why_no_cgroups},
                     {"args", request.args}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<RunRequest> ParseRequest(std::string_view text) {
  auto json = ParseObject(text);
  if (!json) return Fail("request: {}", json.error().message);
  Fields fields(*json);
  if (const std::string schema = fields.Text("schema");
      fields.problem().empty() && schema != kRequestSchema) {
    return Fail("request: schema is '{}', this agent reads '{}'", schema, kRequestSchema);
  }
  RunRequest request;
  request.claims = fields.Texts("claims");
  request.benchmarks = fields.Texts("benchmarks");
  request.control = fields.Flag("control");
  request.seed = fields.Unsigned("seed");
  request.repeat = static_cast<int>(fields.Integer("repeat", 1, kMaxRepeat));
  const std::string lane = fields.Text("lane");
  const std::string driver = fields.Text("driver");
  request.claim_timeout = Seconds(fields.NonNegative("claim_timeout_s"));
  request.modules = fields.Texts("modules");
  request.allow_whole_node = fields.Flag("allow_whole_node");
  request.scratch = {fields.Integer("scratch_bytes", 0, std::numeric_limits<int64_t>::max())};
  request.why_no_cgroups = fields.Text("why_no_cgroups");
  request.args = fields.Object("args");
  fields.NoOthers();
  if (!fields.problem().empty()) return Fail("request: {}", fields.problem());
  request.lane = TRY(ParseLane(lane));
  request.driver = TRY(ParseCgroupDriver(driver));
  return request;
}

Event HelloEvent(Json node_facts) {
  Json body = Body(EventKind::kHello);
  body["protocol"] = kProtocolVersion;
  body["node"] = std::move(node_facts);
  return {EventKind::kHello, std::move(body)};
}

Event ClaimStartEvent(std::string_view id, int index, int total, Seconds budget) {
  Json body = Body(EventKind::kClaimStart);
  body["id"] = id;
  body["index"] = index;
  body["total"] = total;
  body["budget_s"] = budget.count();
  return {EventKind::kClaimStart, std::move(body)};
}

Event ProgressEvent(std::string_view id, std::string_view arm, int windows, Seconds elapsed) {
  Json body = Body(EventKind::kProgress);
  body["id"] = id;
  body["arm"] = arm;
  body["windows"] = windows;
  body["elapsed_s"] = elapsed.count();
  return {EventKind::kProgress, std::move(body)};
}

Event ClaimEvent(Json claim) {
  Json body = Body(EventKind::kClaim);
  body["claim"] = std::move(claim);
  return {EventKind::kClaim, std::move(body)};
}

Event BenchmarkEvent(Json row) {
  Json body = Body(EventKind::kBenchmark);
  body["row"] = std::move(row);
  return {EventKind::kBenchmark, std::move(body)};
}

Event NoteEvent(std::string_view text) {
  Json body = Body(EventKind::kNote);
  body["text"] = text;
  return {EventKind::kNote, std::move(body)};
}

Event FatalEvent(std::string_view message, std::string_view hint) {
  Json body = Body(EventKind::kFatal);
  body["message"] = message;
  body["hint"] = hint;
  return {EventKind::kFatal, std::move(body)};
}

Event EndEvent(int finished) {
  Json body = Body(EventKind::kEnd);
  body["claims"] = finished;
  return {EventKind::kEnd, std::move(body)};
}

std::string FormatEvent(const Event& event) {
  return event.body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Event> ParseEvent(std::string_view line) {
  Json body = TRY(ParseObject(line));
  Fields fields(body);
  const std::string name = fields.Text("event");
  if (!fields.problem().empty()) return Fail("{}", fields.problem());
  const auto kind = ValueOf(kKinds, name);
  if (!kind) return Fail("unknown event '{}'", name);
  CheckFields(*kind, fields);
  if (!fields.problem().empty()) return Fail("event {}: {}", name, fields.problem());
  return Event{*kind, std::move(body)};
}

std::vector<Event> EventParser::Feed(std::string_view bytes) {
  std::vector<Event> events;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (!skipping_ && partial_.size() + piece.size() > kMaxLine) {
      partial_.append(piece.substr(0, kQuoted));
      events.push_back(NoteEvent(
          fmt::format("dropped an event line of over {} bytes: {}", kMaxLine, Quote(partial_))));
      partial_.clear();
      skipping_ = true;
    }
    if (!skipping_) partial_.append(piece);
    if (end == std::string_view::npos) break;
    if (!skipping_) TakeLine(partial_, events);
    partial_.clear();
    skipping_ = false;
  }
  return events;
}

std::vector<Event> EventParser::Finish() {
  std::vector<Event> events;
  if (!Trim(partial_).empty()) {
    events.push_back(NoteEvent(fmt::format("the events ended within a line: {}", Quote(partial_))));
  }
  partial_.clear();
  skipping_ = false;
  return events;
}

void EventParser::TakeLine(std::string_view line, std::vector<Event>& events) {
  line = Trim(line);
  if (line.empty()) return;
  auto event = ParseEvent(line);
  if (event) {
    events.push_back(*std::move(event));
    return;
  }
  const size_t start = line.find("{\"event\"", 1);
  if (start != std::string_view::npos) {
    if (auto inner = ParseEvent(line.substr(start))) {
      events.push_back(
          NoteEvent(fmt::format("not an event: {}", Quote(Trim(line.substr(0, start))))));
      events.push_back(*std::move(inner));
      return;
    }
  }
  const std::string why = line.front() == '{' ? fmt::format(" ({})", event.error().message) : "";
  events.push_back(NoteEvent(fmt::format("not an event{}: {}", why, Quote(line))));
}

}  // namespace nodeproof::node
