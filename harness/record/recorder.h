// What the groups of a planted tree did while an arm ran: time series for the report's charts, and
// evidence for a verdict that needs looking into. Nothing is judged by them.
//
// No thread of its own: processes are cloned from the agent, and a thread that allocates would
// leave them malloc's lock. The claim's waits are used instead.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.h"
#include "harness/capsule/tree.h"
#include "harness/record/evidence.h"
#include "harness/results/results.h"

namespace nodeproof::record {

class Recorder {
 public:
  explicit Recorder(const Clock& clock, NodeFiles files = {})
      : waits_(clock, *this), files_(std::move(files)) {}
  Recorder(const Recorder&) = delete;

  // The clock for the claim to wait on. Before a wait of kLeastWait and more the groups are
  // sampled, at most every kInterval; the wait itself ends when it should.
  const Clock& clock() const { return waits_; }
  static constexpr Nanoseconds kLeastWait = Milliseconds(20);
  static constexpr Nanoseconds kInterval = Milliseconds(250);

  // Follows the tree's leaves, kMostGroups of them at most, until it is removed. The tree may move,
  // and may outlive the recorder.
  void Follow(capsule::Tree& tree);
  static constexpr size_t kMostGroups = 6;

  // What was recorded so far, of all trees. Series that are 0 throughout are left out.
  std::vector<results::Series> TakeSeries();
  std::vector<results::Evidence> TakeEvidence();

 private:
  class WaitingClock : public Clock {
   public:
    WaitingClock(const Clock& clock, Recorder& recorder) : clock_(clock), recorder_(recorder) {}
    Nanoseconds Now() const override { return clock_.Now(); }
    void WaitUntil(Nanoseconds deadline) const override;

   private:
    const Clock& clock_;
    Recorder& recorder_;
  };
  // The last reading of a group's counters.
  struct Reading {
    Nanoseconds at{0};
    Microseconds usage{0};
    Microseconds throttled{0};
    Microseconds cpu_stall{0};
    Microseconds memory_stall{0};
  };
  struct Followed {
    std::string path;
    const cgroup::Cgroup* group;
    bool leaf;
    std::optional<Reading> last;
  };

  void Sample();
  void SampleGroup(Followed& followed, Nanoseconds now);
  void Put(const Followed& followed, const char* quantity, const char* unit, Nanoseconds at,
           double value);
  void Leave();

  std::shared_ptr<Recorder*> self_ = std::make_shared<Recorder*>(this);  // gone when it is gone
  WaitingClock waits_;
  NodeFiles files_;
  std::vector<Followed> followed_;  // of the tree that stands
  std::optional<NodeWatch> node_;
  std::optional<Nanoseconds> begun_;
  std::optional<Nanoseconds> sampled_;
  std::vector<results::Series> series_;
  std::vector<results::Evidence> evidence_;
};

}  // namespace nodeproof::record
