#include "conformance/cpuset/crew.h"

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "conformance/moves.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

constexpr int kNappers = 2;
constexpr Milliseconds kPoll{5};

// Waits until `done`, or until the arm's patience is over.
bool Await(const ArmContext& context, const std::function<bool()>& done) {
  const Clock& clock = context.clock();
  const Nanoseconds deadline =
      clock.Now() + std::chrono::duration_cast<Nanoseconds>(context.patience());
  while (!done()) {
    if (clock.Now() > deadline) return false;
    clock.WaitUntil(clock.Now() + kPoll);
  }
  return true;
}

}  // namespace

Result<Crew> Crew::Start(ArmContext& context, const CrewOptions& options) {
  Crew crew;
  crew.name_ = options.name;
  crew.flees_ = !options.flees_to.empty();
  const size_t online = context.online().size();
  const auto spinners =
      static_cast<int>(options.cpus == 0 ? online : std::min(options.cpus + 1, online));
  for (int i = 0; i < spinners + kNappers; ++i) {
    const bool moved = options.moved_from != nullptr && i % 2 == 1;
    crew.threads_.push_back(
        TRY(probe::Placement::Start({.name = options.name,
                                     .group = moved ? options.moved_from : options.group,
                                     .naps = i >= spinners,
                                     .flees_to = options.flees_to})));
    TRY(crew.threads_.back().AwaitReady(context.patience()));
    if (!moved) continue;
    TRY(options.group->Write("cgroup.procs", fmt::format("{}", crew.threads_.back().pid())));
  }
  crew.bases_.resize(crew.threads_.size());
  return crew;
}

Status Crew::Gather(const CpuSet& cpus) {
  for (probe::Placement& thread : threads_) {
    if (!MoveTo(thread.pid(), CpuSet{cpus.First()}) || !MoveTo(thread.pid(), cpus)) {
      return FailErrno(errno, fmt::format("gather the threads of {}", name_));
    }
  }
  return {};
}

Status Crew::CountFromHere(ArmContext& context) {
  std::vector<uint64_t> before;
  for (const probe::Placement& thread : threads_) before.push_back(thread.Samples());
  const bool went_on = Await(context, [&] {
    for (size_t i = 0; i < threads_.size(); ++i) {
      if (threads_[i].Samples() < before[i] + 2) return false;
    }
    return true;
  });
  if (!went_on) return Fail("a thread of {} did not run", name_);
  for (size_t i = 0; i < threads_.size(); ++i) {
    bases_[i] = {threads_[i].Seen(), threads_[i].Samples(), threads_[i].Naps()};
  }
  return {};
}

uint64_t Crew::Samples() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < threads_.size(); ++i) sum += threads_[i].Samples() - bases_[i].samples;
  return sum;
}

uint64_t Crew::Naps() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < threads_.size(); ++i) sum += threads_[i].Naps() - bases_[i].naps;
  return sum;
}

void Crew::Look() {
  seen_.clear();
  for (size_t i = 0; i < threads_.size(); ++i) {
    for (const auto& [cpu, count] : threads_[i].Seen()) {
      const auto base = bases_[i].seen.find(cpu);
      const uint64_t fresh = count - (base == bases_[i].seen.end() ? 0 : base->second);
      if (fresh > 0) seen_[cpu] += fresh;
    }
  }
}

CpuSet Crew::Cpus() const {
  CpuSet cpus;
  for (const auto& [cpu, count] : seen_) cpus.Insert(cpu);
  return cpus;
}

uint64_t Crew::SeenOn(const CpuSet& cpus) const {
  uint64_t sum = 0;
  for (const auto& [cpu, count] : seen_) sum += cpus.Contains(cpu) ? count : 0;
  return sum;
}

uint64_t Crew::SeenOutside(const CpuSet& cpus) const {
  uint64_t sum = 0;
  for (const auto& [cpu, count] : seen_) sum += cpus.Contains(cpu) ? 0 : count;
  return sum;
}

uint64_t Crew::Attempts() const {
  return std::accumulate(threads_.begin(), threads_.end(), uint64_t{0},
                         [](uint64_t sum, const auto& thread) { return sum + thread.Attempts(); });
}

uint64_t Crew::Escapes() const {
  return std::accumulate(threads_.begin(), threads_.end(), uint64_t{0},
                         [](uint64_t sum, const auto& thread) { return sum + thread.Escapes(); });
}

Status Crew::StillRunning() {
  for (probe::Placement& thread : threads_) {
    if (!TRY(thread.Running())) return Fail("a thread of {} ended while it was watched", name_);
  }
  return {};
}

void Crew::AddLoad(results::Arm& arm) const {
  arm.load.push_back(
      {name_, "samples", static_cast<double>(kSamplesOfCrew), static_cast<double>(Samples())});
  arm.load.push_back({name_ + ", wake-ups", "count", static_cast<double>(kNapsOfCrew),
                      static_cast<double>(Naps())});
  if (flees_) {
    arm.load.push_back(
        {name_ + ", attempts to flee", "count", 100, static_cast<double>(Attempts())});
  }
}

Status Observe(ArmContext& context, const std::vector<Crew*>& crews) {
  for (Crew* crew : crews) TRY(crew->CountFromHere(context));
  context.clock().WaitUntil(context.clock().Now() + kShortestLook);
  Await(context, [&] {
    uint64_t samples = 0;
    uint64_t naps = 0;
    for (const Crew* crew : crews) {
      const uint64_t own_samples = crew->Samples();
      const uint64_t own_naps = crew->Naps();
      if (own_samples < kSamplesOfCrew || own_naps < kNapsOfCrew) return false;
      samples += own_samples;
      naps += own_naps;
    }
    return samples >= kSamples && naps >= kNaps;
  });
  for (Crew* crew : crews) crew->Look();
  return {};
}

void AwaitSpread(ArmContext& context, Crew& crew, const CpuSet& cpus) {
  const Clock& clock = context.clock();
  const Nanoseconds deadline =
      clock.Now() + std::chrono::duration_cast<Nanoseconds>(kSpreadDeadline);
  while (!crew.Cpus().Contains(cpus) && clock.Now() < deadline) {
    clock.WaitUntil(clock.Now() + 4 * kPoll);
    crew.Look();
  }
}

results::LoadProof SpreadProof(const Crew& crew, const CpuSet& cpus, std::string_view when) {
  return {fmt::format("{} on its CPUs {}{}{}", crew.name(), cpus.ToString(),
                      when.empty() ? "" : ", ", when),
          "CPUs", static_cast<double>(cpus.size()),
          static_cast<double>((crew.Cpus() & cpus).size())};
}

results::Check NoneOf(std::string name, uint64_t count) {
  return measure::ExactCheck(std::move(name), {0, results::Relation::kAtMost, 0, "count"},
                             static_cast<double>(count));
}

Result<results::Arm> FinishArm(const capsule::Tree& tree, std::string description,
                               const std::vector<Crew*>& crews,
                               std::vector<results::Check> checks) {
  results::Arm arm;
  arm.description = std::move(description);
  arm.checks = std::move(checks);
  arm.notes = tree.discrepancies();
  arm.tree = tree.entries();
  uint64_t samples = 0;
  uint64_t naps = 0;
  for (Crew* crew : crews) {
    TRY(crew->StillRunning());
    crew->AddLoad(arm);
    samples += crew->Samples();
    naps += crew->Naps();
    std::string seen;
    for (const auto& [cpu, count] : crew->Seen()) seen += fmt::format(" {}: {}", cpu, count);
    arm.notes.push_back(fmt::format("{} was seen on CPU{}", crew->name(), seen));
  }
  arm.load.push_back(
      {"all threads", "samples", static_cast<double>(kSamples), static_cast<double>(samples)});
  arm.load.push_back(
      {"all threads, wake-ups", "count", static_cast<double>(kNaps), static_cast<double>(naps)});
  return arm;
}

}  // namespace nodeproof::conformance
