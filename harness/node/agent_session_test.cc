#include "harness/node/agent_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::node {
namespace {

class Recorder : public EventSink {
 public:
  void OnEvent(const Event& event) override { kinds.push_back(event.kind); }
  std::vector<EventKind> kinds;
};

class AgentSessionTest : public testing::Test {
 protected:
  void Say(const Event& event) { session_.Feed(FormatEvent(event)); }
  Seconds Left() { return session_.deadline() - clock_.Now(); }

  FakeClock clock_;
  Recorder recorder_;
  AgentSession session_{recorder_, clock_, {Seconds(90), 4, Seconds(60)}};
};

TEST_F(AgentSessionTest, WaitsAsLongAsTheAgentMayTake) {
  EXPECT_EQ(Left(), Seconds(90));
  EXPECT_EQ(session_.Where(), "before the agent said hello");
  clock_.Advance(std::chrono::seconds(5));
  Say(HelloEvent(Json::object()));
  EXPECT_EQ(Left(), Seconds(60));
  EXPECT_EQ(session_.Where(), "before the first claim");
  Say(ClaimStartEvent("a", 1, 2, Seconds(40)));
  EXPECT_EQ(Left(), Seconds(4 * 40 + 60));
  EXPECT_EQ(session_.Where(), "during claim a");
  clock_.Advance(std::chrono::seconds(100));
  Say(ProgressEvent("a", "protected", 1, Seconds(1)));
  Say(NoteEvent("still there"));
  EXPECT_EQ(Left(), Seconds(120)) << "chatter does not buy time";
  session_.Excuse(std::chrono::seconds(30));
  EXPECT_EQ(Left(), Seconds(150));
  Say(ClaimEvent(Json::object()));
  EXPECT_EQ(Left(), Seconds(60));
  EXPECT_EQ(session_.Where(), "after 1 finished claims");
  EXPECT_FALSE(session_.over());
}

TEST(PollSpan, TellsStandingStillFromBeingBusy) {
  FakeClock clock;
  const PollSpan span(clock, std::chrono::milliseconds(1500));
  EXPECT_EQ(span.timeout(), 1500);
  clock.Advance(std::chrono::milliseconds(1400));
  EXPECT_EQ(span.StoodStill(), Nanoseconds(0)) << "something to read came first";
  clock.Advance(std::chrono::milliseconds(2000));
  EXPECT_EQ(span.StoodStill(), Nanoseconds(0)) << "late, as on a busy machine";
  clock.Advance(std::chrono::seconds(3600));
  EXPECT_EQ(span.StoodStill(), std::chrono::milliseconds(3'601'900));

  EXPECT_EQ(PollSpan(clock, clock.Now() + std::chrono::hours(1)).timeout(), 60'000);
  EXPECT_EQ(PollSpan(clock, clock.Now() - Nanoseconds(1)).timeout(), 0) << "the deadline is past";
}

TEST_F(AgentSessionTest, ABudgetBeyondAllMeasureDoesNotOverflow) {
  Say(HelloEvent(Json::object()));
  Say(ClaimStartEvent("a", 1, 1, Seconds(1e300)));
  EXPECT_GT(Left(), Seconds(3600));
}

TEST_F(AgentSessionTest, WhatTheAgentSaidLastCounts) {
  Say(HelloEvent(Json::object()));
  Say(ClaimStartEvent("a", 1, 1, Seconds(1)));
  const RunOutcome broken = session_.Outcome(Ending::kDied, "the guest powered off");
  EXPECT_EQ(broken.ending, Ending::kDied);
  EXPECT_EQ(broken.reason, "the guest powered off");
  EXPECT_EQ(broken.during_claim, "a");
  Say(ClaimEvent(Json::object()));
  Say(EndEvent(1));
  EXPECT_TRUE(session_.over());
  Say(NoteEvent("after the end"));
  EXPECT_EQ(recorder_.kinds.back(), EventKind::kEnd);
  const RunOutcome whole = session_.Outcome(Ending::kDied, "killed");
  EXPECT_EQ(whole.ending, Ending::kComplete);
  EXPECT_EQ(whole.claims_finished, 1);
  EXPECT_EQ(whole.during_claim, std::nullopt);
}

TEST_F(AgentSessionTest, RefusesAnotherProtocol) {
  Event hello = HelloEvent(Json::object());
  hello.body["protocol"] = 9;
  Say(hello);
  EXPECT_TRUE(session_.over());
  const RunOutcome outcome = session_.Outcome(Ending::kComplete, "");
  EXPECT_EQ(outcome.ending, Ending::kFatal);
  EXPECT_EQ(outcome.reason, "the agent speaks protocol 9, not 1");
  EXPECT_TRUE(recorder_.kinds.empty());
}

}  // namespace
}  // namespace nodeproof::node
