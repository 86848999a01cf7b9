#include "harness/record/recorder.h"

#include <algorithm>
#include <utility>

#include "harness/cgroup/stats.h"

namespace nodeproof::record {

void Recorder::WaitingClock::WaitUntil(Nanoseconds deadline) const {
  const Nanoseconds now = clock_.Now();
  const bool due = !recorder_.sampled_ || now - *recorder_.sampled_ >= kInterval;
  if (due && deadline - now >= kLeastWait) recorder_.Sample();
  clock_.WaitUntil(deadline);
}

void Recorder::Follow(capsule::Tree& tree) {
  const auto groups = tree.Groups();
  const auto below = [](const std::string& path, const std::string& ancestor) {
    return path.starts_with(ancestor + "/");
  };
  std::vector<std::string> leaves;
  for (const auto& [path, group] : groups) {
    if (leaves.size() == kMostGroups) break;
    const auto is_below = [&](const auto& other) { return below(other.path, path); };
    if (std::ranges::none_of(groups, is_below)) leaves.push_back(path);
  }
  followed_.clear();
  for (const auto& [path, group] : groups) {
    const bool leaf = std::ranges::find(leaves, path) != leaves.end();
    const auto is_below = [&](const std::string& other) { return below(other, path); };
    if (leaf || std::ranges::any_of(leaves, is_below)) {
      followed_.push_back({path, group, leaf, std::nullopt});
    }
  }
  node_.emplace(files_);
  if (!begun_) begun_ = waits_.Now();
  sampled_.reset();
  Sample();
  tree.BeforeRemoval([weak = std::weak_ptr(self_)] {
    if (const auto self = weak.lock()) (*self)->Leave();
  });
}

std::vector<results::Series> Recorder::TakeSeries() {
  std::erase_if(series_, [](const results::Series& series) {
    return std::ranges::all_of(series.points, [](const auto& point) { return point.value == 0; });
  });
  return std::exchange(series_, {});
}

std::vector<results::Evidence> Recorder::TakeEvidence() { return std::exchange(evidence_, {}); }

void Recorder::Sample() {
  const Nanoseconds now = waits_.Now();
  sampled_ = now;
  for (Followed& followed : followed_) {
    if (followed.leaf) SampleGroup(followed, now);
  }
}

// A file that cannot be read (no such controller, a group that the claim removed) gives no point.
void Recorder::SampleGroup(Followed& followed, Nanoseconds now) {
  const cgroup::Cgroup& group = *followed.group;
  const auto cpu = cgroup::ReadCpuStat(group);
  if (!cpu) return;
  const auto cpu_pressure = cgroup::ReadPressure(group, "cpu.pressure");
  const auto memory_pressure = cgroup::ReadPressure(group, "memory.pressure");
  const Reading reading{now, cpu->usage, cpu->throttled,
                        cpu_pressure ? cpu_pressure->some_total : Microseconds(0),
                        memory_pressure ? memory_pressure->some_total : Microseconds(0)};
  if (const auto last = std::exchange(followed.last, reading); last && now > last->at) {
    const Seconds wall = now - last->at;
    const auto rate = [&](const char* quantity, const char* unit, Microseconds later,
                          Microseconds earlier) {
      Put(followed, quantity, unit, now, Seconds(later - earlier) / wall);
    };
    rate("CPU used", "cpus", reading.usage, last->usage);
    rate("throttled", "ratio", reading.throttled, last->throttled);
    rate("CPU pressure, some", "ratio", reading.cpu_stall, last->cpu_stall);
    rate("memory pressure, some", "ratio", reading.memory_stall, last->memory_stall);
  }
  if (const auto bytes = cgroup::ReadNumber(group, "memory.current")) {
    Put(followed, "memory.current", "bytes", now, static_cast<double>(*bytes));
  }
}

void Recorder::Put(const Followed& followed, const char* quantity, const char* unit, Nanoseconds at,
                   double value) {
  const auto same = [&](const results::Series& series) {
    return series.group == followed.path && series.quantity == quantity;
  };
  auto series = std::ranges::find_if(series_, same);
  if (series == series_.end()) {
    series = series_.insert(series_.end(), results::Series{followed.path, quantity, unit, {}});
  }
  series->points.push_back({Seconds(at - *begun_).count(), value});
}

void Recorder::Leave() {
  Sample();
  for (const Followed& followed : followed_) {
    evidence_.push_back(GatherGroup(followed.path, *followed.group));
  }
  std::ranges::move(node_->Gather(), std::back_inserter(evidence_));
  followed_.clear();
}

}  // namespace nodeproof::record
