#include "harness/node/agent_session.h"

#include <algorithm>
#include <utility>

namespace nodeproof::node {
namespace {

// Longer waits are cut to this: a budget is the agent's word, and the sum must fit the clock.
constexpr Seconds kLongestWait{7.0 * 24 * 3600};
constexpr int64_t kLongestPoll = 60'000;  // milliseconds

// poll(2) that returns so much too late: this process was stopped, not just busy.
constexpr Milliseconds kStoodStill{2000};

}  // namespace

PollSpan::PollSpan(const Clock& clock, Nanoseconds deadline)
    : clock_(clock),
      begun_(clock.Now()),
      timeout_(static_cast<int>(std::clamp<int64_t>(
          std::chrono::ceil<Milliseconds>(deadline - begun_).count(), 0, kLongestPoll))) {}

Nanoseconds PollSpan::StoodStill() const {
  const Nanoseconds overslept = clock_.Now() - begun_ - Milliseconds(timeout_);
  return overslept > kStoodStill ? overslept : Nanoseconds(0);
}

AgentSession::AgentSession(EventSink& sink, const Clock& clock, const Patience& patience)
    : sink_(sink), clock_(clock), patience_(patience) {
  WaitFor(patience_.hello);
}

void AgentSession::WaitFor(Seconds duration) {
  deadline_ =
      clock_.Now() + std::chrono::duration_cast<Nanoseconds>(std::min(duration, kLongestWait));
}

void AgentSession::Feed(std::string_view bytes) {
  for (const Event& event : parser_.Feed(bytes)) {
    if (!over_) Take(event);
  }
}

void AgentSession::Finish() {
  for (const Event& event : parser_.Finish()) {
    if (!over_) Take(event);
  }
}

void AgentSession::Take(const Event& event) {
  const Json& body = event.body;
  switch (event.kind) {
    case EventKind::kHello:
      said_hello_ = true;
      WaitFor(patience_.slack);
      if (body["protocol"] != kProtocolVersion) {
        outcome_.ending = Ending::kFatal;
        outcome_.reason = fmt::format("the agent speaks protocol {}, not {}",
                                      body["protocol"].get<int>(), kProtocolVersion);
        outcome_.hint = "use the nodeproof-agent of the same build";
        over_ = true;
        return;
      }
      break;
    case EventKind::kClaimStart:
      outcome_.during_claim = body["id"].get<std::string>();
      WaitFor(Seconds(body["budget_s"].get<double>() * patience_.budget_factor) + patience_.slack);
      break;
    case EventKind::kClaim:
    case EventKind::kBenchmark:
      outcome_.during_claim.reset();
      ++outcome_.claims_finished;
      WaitFor(patience_.slack);
      break;
    case EventKind::kFatal:
      outcome_.ending = Ending::kFatal;
      outcome_.reason = body["message"].get<std::string>();
      outcome_.hint = body["hint"].get<std::string>();
      over_ = true;
      break;
    case EventKind::kEnd:
      outcome_.ending = Ending::kComplete;
      over_ = true;
      break;
    case EventKind::kProgress:
    case EventKind::kNote:
      break;
  }
  sink_.OnEvent(event);
}

RunOutcome AgentSession::Outcome(Ending ending, std::string reason) const {
  RunOutcome outcome = outcome_;
  if (!over_) {
    outcome.ending = ending;
    outcome.reason = std::move(reason);
  }
  return outcome;
}

std::string AgentSession::Where() const {
  if (outcome_.during_claim) return fmt::format("during claim {}", *outcome_.during_claim);
  if (!said_hello_) return "before the agent said hello";
  if (outcome_.claims_finished == 0) return "before the first claim";
  return fmt::format("after {} finished claims", outcome_.claims_finished);
}

}  // namespace nodeproof::node
