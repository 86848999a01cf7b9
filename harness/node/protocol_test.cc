#include "harness/node/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace nodeproof::node {
namespace {

using testing::HasSubstr;

RunRequest FullRequest() {
  RunRequest request;
  request.claims = {"cpu.weight.siblings", "memory.max.oom"};
  request.benchmarks = {"cpu.birth.fork"};
  request.why_no_cgroups = "bound to v1";
  request.control = false;
  request.seed = std::numeric_limits<uint64_t>::max();
  request.repeat = 3;
  request.lane = Lane::kDeterministic;
  request.driver = CgroupDriver::kCgroupfs;
  request.claim_timeout = Seconds(12.5);
  request.modules = {"/lib/modules/a.ko", "/lib/modules/b.ko"};
  request.allow_whole_node = true;
  request.scratch = MiB(64);
  return request;
}

TEST(Request, SurvivesTheTrip) {
  const std::string text = FormatRequest(FullRequest());
  const auto back = ParseRequest(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(FormatRequest(*back), text);
  EXPECT_EQ(back->benchmarks, std::vector<std::string>{"cpu.birth.fork"});
  EXPECT_EQ(back->why_no_cgroups, "bound to v1");
  EXPECT_EQ(back->seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(back->lane, Lane::kDeterministic);
  EXPECT_EQ(back->driver, CgroupDriver::kCgroupfs);
  EXPECT_EQ(back->claim_timeout, Seconds(12.5));
  EXPECT_EQ(back->scratch, MiB(64));
}

std::string ErrorOf(const char* field, const Json& value) {
  Json json = Json::parse(FormatRequest(FullRequest()));
  json[field] = value;
  const auto parsed = ParseRequest(json.dump());
  return parsed ? "" : parsed.error().message;
}

TEST(Request, NamesTheBadField) {
  EXPECT_EQ(ErrorOf("seed", -1), "request: seed: must be a non-negative integer");
  EXPECT_EQ(ErrorOf("repeat", 0), "request: repeat: must be 1 to 100000");
  EXPECT_EQ(ErrorOf("repeat", std::numeric_limits<uint64_t>::max()),
            "request: repeat: must be 1 to 100000");
  EXPECT_EQ(ErrorOf("claims", Json::array({1})), "request: claims: must be a list of strings");
  EXPECT_EQ(ErrorOf("claim_timeout_s", -0.5), "request: claim_timeout_s: must not be negative");
  EXPECT_EQ(ErrorOf("colour", "red"), "request: colour: is not a field of this format");
  EXPECT_THAT(ErrorOf("lane", "fast"), HasSubstr("unknown lane 'fast'"));
  EXPECT_THAT(ErrorOf("driver", "openrc"), HasSubstr("unknown cgroup driver 'openrc'"));
  EXPECT_THAT(ErrorOf("schema", "nodeproof.request/9"), HasSubstr("this agent reads"));
  EXPECT_EQ(ParseRequest("{}").error().message, "request: schema: is missing");
  EXPECT_EQ(ParseRequest("[1]").error().message, "request: not a JSON object");
  EXPECT_EQ(ParseRequest("{").error().message, "request: not valid JSON");
  EXPECT_THAT(ParseRequest(std::string(100000, '[')).error().message, HasSubstr("nested deeper"));
}

std::vector<Event> AllEvents() {
  return {HelloEvent({{"kernel", "6.12"}}),
          ClaimStartEvent("cpu.weight.siblings", 1, 8, Seconds(40)),
          ProgressEvent("cpu.weight.siblings", "control", 3, Seconds(1.5)),
          ClaimEvent({{"id", "cpu.weight.siblings"}}),
          BenchmarkEvent({{"name", "cpu.birth.fork"}}),
          NoteEvent("a \"note\"\nof two lines"),
          FatalEvent("no cgroup2", "mount it"),
          EndEvent(8)};
}

TEST(Events, SurviveTheTripInChunksOfAnySize) {
  std::string stream;
  for (const Event& event : AllEvents()) stream += FormatEvent(event);
  for (size_t chunk = 1; chunk < stream.size(); chunk += 7) {
    EventParser parser;
    std::vector<Event> events;
    for (size_t at = 0; at < stream.size(); at += chunk) {
      for (Event& event : parser.Feed(std::string_view(stream).substr(at, chunk))) {
        events.push_back(std::move(event));
      }
    }
    EXPECT_TRUE(parser.Finish().empty());
    const auto expected = AllEvents();
    ASSERT_EQ(events.size(), expected.size()) << "chunk " << chunk;
    for (size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].kind, expected[i].kind);
      EXPECT_EQ(events[i].body, expected[i].body);
    }
  }
}

TEST(Events, KernelTextBecomesNotes) {
  EventParser parser;
  const auto events = parser.Feed(
      "[    1.0] random: crng\x1b[0m init\r\n"
      "\r\n"
      "{\"event\":\"end\",\"claims\":2}\r\n"
      "[    2.0] oops {\"event\":\"end\",\"claims\":3}\n"
      "{\"event\":\"end\"}\n"
      "\xff\xfe\n"
      "unfinished");
  ASSERT_EQ(events.size(), 6U);
  EXPECT_EQ(events[0].body["text"], "not an event: [    1.0] random: crng [0m init");
  EXPECT_EQ(events[1].body["claims"], 2);
  EXPECT_EQ(events[2].body["text"], "not an event: [    2.0] oops");
  EXPECT_EQ(events[3].body["claims"], 3);
  EXPECT_THAT(events[4].body["text"].get<std::string>(),
              HasSubstr("(event end: claims: is missing)"));
  EXPECT_EQ(events[5].body["text"], "not an event: ..");
  const auto rest = parser.Finish();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].body["text"], "the events ended within a line: unfinished");
}

TEST(Events, AnEndlessLineIsDroppedAndTheNextOneRead) {
  EventParser parser;
  const std::string block(1 << 20, 'x');
  size_t notes = 0;
  for (int i = 0; i < 20; ++i) notes += parser.Feed(block).size();
  EXPECT_EQ(notes, 1U);
  const auto events = parser.Feed("tail\n{\"event\":\"end\",\"claims\":0}\n");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::kEnd);
}

TEST(Events, BadFieldsAreNamed) {
  const auto message = [](const char* line) { return ParseEvent(line).error().message; };
  EXPECT_EQ(message(R"({"event":"dance"})"), "unknown event 'dance'");
  EXPECT_EQ(message(R"({"event":7})"), "event: must be a string");
  EXPECT_EQ(message(R"({"event":"hello","protocol":"1","node":{}})"),
            "event hello: protocol: must be an integer");
  EXPECT_EQ(message(R"({"event":"claim_start","id":"x","index":0,"total":1,"budget_s":1})"),
            "event claim_start: index: must be 1 to 2147483647");
  EXPECT_EQ(message(R"({"event":"claim","claim":[]})"), "event claim: claim: must be an object");
}

}  // namespace
}  // namespace nodeproof::node
