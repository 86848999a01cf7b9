// One run of the agent, as heard from outside: hands its events on, keeps track of the claim that
// is under way, and says until when to wait for the next word.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/base/clock.h"
#include "harness/node/node.h"

namespace nodeproof::node {

// How long to wait. A claim may take `budget_factor` times the budget it announced, and `slack`;
// between claims (modules, set-up, tear-down) the slack alone counts.
struct Patience {
  Seconds hello{90};
  double budget_factor = 4;
  Seconds slack{60};
};

// One poll(2) that shall end at `deadline`, and how long this process stood still meanwhile (^Z).
class PollSpan {
 public:
  PollSpan(const Clock& clock, Nanoseconds deadline);

  int timeout() const { return timeout_; }  // for poll(2), milliseconds; a minute at most
  // To be asked when poll(2) has returned: by how much it came too late. 0 for as little as comes
  // of a busy machine.
  Nanoseconds StoodStill() const;

 private:
  const Clock& clock_;
  Nanoseconds begun_;
  int timeout_;
};

class AgentSession {
 public:
  AgentSession(EventSink& sink, const Clock& clock, const Patience& patience);

  void Feed(std::string_view bytes);
  // The channel is closed.
  void Finish();

  bool said_hello() const { return said_hello_; }
  // Said `end`, `fatal`, or something that makes it useless to go on.
  bool over() const { return over_; }
  Nanoseconds deadline() const { return deadline_; }
  // We ourselves stood still for so long (^Z): the agent is not to blame for that.
  void Excuse(Nanoseconds pause) { deadline_ += pause; }

  // What is known if the run ends now, as `ending`, for `reason`; once over(), as the agent said.
  RunOutcome Outcome(Ending ending, std::string reason) const;
  // "during claim X", "before its first claim", "between claims".
  std::string Where() const;

 private:
  void Take(const Event& event);
  void WaitFor(Seconds duration);

  EventSink& sink_;
  const Clock& clock_;
  Patience patience_;
  EventParser parser_;
  bool said_hello_ = false;
  bool over_ = false;
  RunOutcome outcome_;
  Nanoseconds deadline_{0};
};

}  // namespace nodeproof::node
