// The threads of one container that watch where they run, as the cpuset claims use them: spinning
// ones, more than it has CPUs, so that they would spread, and two that wake up all the time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "harness/probe/placement.h"

namespace nodeproof::conformance {

// What an arm takes at least, of all its crews together and of each crew, before its sightings
// count. A kernel that lets one wake-up in ten escape goes unnoticed once in 0.9^-100 = 40,000
// arms. Threads of a small weight on a full CPU wake up rarely: of each crew few are asked for.
inline constexpr uint64_t kSamples = 100'000;
inline constexpr uint64_t kSamplesOfCrew = 1'000;
inline constexpr uint64_t kNaps = 100;
inline constexpr uint64_t kNapsOfCrew = 10;
// Load balancers act every few milliseconds to some hundred.
inline constexpr Milliseconds kShortestLook{300};

struct CrewOptions {
  std::string name;
  const cgroup::Cgroup* group = nullptr;
  // CPUs that it has to itself by the plan: it gets one spinning thread more. 0: as many as the
  // node has CPUs.
  size_t cpus = 0;
  // Where every other thread starts, before it is moved to `group` as container runtimes do it;
  // nullptr: all are born in `group`.
  const cgroup::Cgroup* moved_from = nullptr;
  // Not empty: they try to run there.
  CpuSet flees_to = {};
};

class Crew {
 public:
  static Result<Crew> Start(ArmContext& context, const CrewOptions& options);

  // Puts all threads on the first of these CPUs, and lets them use all of these again: where load
  // is balanced they spread at once.
  Status Gather(const CpuSet& cpus);

  // Counts from now on. A thread counts a sample after it took it, so the threads are first awaited
  // to take two more.
  Status CountFromHere(ArmContext& context);

  // Samples and wake-ups since CountFromHere().
  uint64_t Samples() const;
  uint64_t Naps() const;

  // Takes stock: what follows tells of the time from CountFromHere() to here, and stays as it is.
  void Look();
  const std::map<int, uint64_t>& Seen() const { return seen_; }
  CpuSet Cpus() const;
  uint64_t SeenOn(const CpuSet& cpus) const;
  uint64_t SeenOutside(const CpuSet& cpus) const;

  // Since the threads started.
  uint64_t Attempts() const;
  uint64_t Escapes() const;
  const std::string& name() const { return name_; }

  // An error when a thread has ended.
  Status StillRunning();
  void AddLoad(results::Arm& arm) const;

 private:
  // What every thread had counted when counting began.
  struct Base {
    std::map<int, uint64_t> seen;
    uint64_t samples = 0;
    uint64_t naps = 0;
  };

  std::string name_;
  bool flees_ = false;
  std::vector<probe::Placement> threads_;
  std::vector<Base> bases_;
  std::map<int, uint64_t> seen_;
};

// Has the crews count from here and waits until they have seen enough: kSamples and kNaps in all,
// and each its own samples and naps, but no less than kShortestLook; then each has a look. What is
// still missing when the arm's patience is over shows in the load proofs.
Status Observe(ArmContext& context, const std::vector<Crew*>& crews);

// Lets the crew go on until it has been seen on all of `cpus`, for kSpreadDeadline at most: an idle
// CPU pulls a waiting thread at a tick (4 ms) and the balancer runs at least every few hundred
// milliseconds, so that 3 s leave room for a host that lends a guest a third of the CPUs.
inline constexpr Seconds kSpreadDeadline{3};
void AwaitSpread(ArmContext& context, Crew& crew, const CpuSet& cpus);
// That it was seen on all of them, as a proof of load.
results::LoadProof SpreadProof(const Crew& crew, const CpuSet& cpus, std::string_view when = "");

// A check of something that must not happen at all.
results::Check NoneOf(std::string name, uint64_t count);

// The arm of these crews on this tree: tree, notes and load proofs.
Result<results::Arm> FinishArm(const capsule::Tree& tree, std::string description,
                               const std::vector<Crew*>& crews, std::vector<results::Check> checks);

}  // namespace nodeproof::conformance
