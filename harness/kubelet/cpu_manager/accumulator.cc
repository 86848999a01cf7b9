#include "harness/kubelet/cpu_manager/accumulator.h"

#include <algorithm>

namespace nodeproof::cpu_manager {
namespace {

constexpr std::array<Level, kLevels> kAllLevels{Level::kNuma, Level::kSocket, Level::kCore,
                                                Level::kUncore};

CpuFlags FlagsOf(const CpuTopology& topology, const CpuSet& cpus) {
  CpuFlags flags(topology.cpus().size(), 0);
  for (const int cpu : cpus) {
    const int index = topology.IndexOf(cpu);
    if (index >= 0) flags[static_cast<size_t>(index)] = 1;
  }
  return flags;
}

void Append(std::vector<int>& list, const std::vector<int>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

}  // namespace

CpuAccumulator::CpuAccumulator(const CpuTopology& topology, const CpuSet& available, int needed,
                               CpuSorting sorting, bool exact)
    : CpuAccumulator(topology, FlagsOf(topology, available), needed, sorting, exact) {}

CpuAccumulator::CpuAccumulator(const CpuTopology& topology, const CpuFlags& available, int needed,
                               CpuSorting sorting, bool exact)
    : topology_(topology),
      sorting_(sorting),
      exact_(exact),
      numa_first_(topology.counts().sockets >= topology.counts().numa_nodes),
      available_(available),
      taken_(available.size(), 0),
      needed_(needed) {
  CountAvailable();
}

void CpuAccumulator::CountAvailable() {
  for (const Level level : kAllLevels) {
    auto& counts = counts_[static_cast<size_t>(level)];
    counts.assign(topology_.Ids(level).size(), 0);
    for (size_t cpu = 0; cpu < available_.size(); ++cpu) {
      if (available_[cpu]) ++counts[static_cast<size_t>(topology_.UnitOf(level, cpu))];
    }
  }
  available_count_ = static_cast<int>(std::ranges::count(available_, 1));
}

void CpuAccumulator::SortUnits(Level level, std::vector<int>& units) const {
  const auto& counts = counts_[static_cast<size_t>(level)];
  std::ranges::sort(units, [&counts](int a, int b) {
    const int count_a = counts[static_cast<size_t>(a)];
    const int count_b = counts[static_cast<size_t>(b)];
    return count_a == count_b ? a < b : count_a < count_b;
  });
}

std::vector<int> CpuAccumulator::Units(Level level) const {
  std::vector<int> units;
  const auto& counts = counts_[static_cast<size_t>(level)];
  for (size_t unit = 0; unit < counts.size(); ++unit) {
    if (counts[unit] > 0) units.push_back(static_cast<int>(unit));
  }
  SortUnits(level, units);
  return units;
}

std::vector<int> CpuAccumulator::UnitsWithin(Level inner, Level outer, int outer_unit) const {
  std::vector<int> units;
  CpuFlags seen(topology_.Ids(inner).size(), 0);
  for (const int cpu : topology_.Members(outer, outer_unit)) {
    if (!available_[static_cast<size_t>(cpu)]) continue;
    const int unit = topology_.UnitOf(inner, static_cast<size_t>(cpu));
    if (seen[static_cast<size_t>(unit)]) continue;
    seen[static_cast<size_t>(unit)] = 1;
    units.push_back(unit);
  }
  SortUnits(inner, units);
  return units;
}

std::vector<int> CpuAccumulator::SortedNumaNodes() const {
  if (numa_first_) return Units(Level::kNuma);
  std::vector<int> nodes;
  for (const int socket : Units(Level::kSocket)) {
    Append(nodes, UnitsWithin(Level::kNuma, Level::kSocket, socket));
  }
  return nodes;
}

std::vector<int> CpuAccumulator::SortedSockets() const {
  if (!numa_first_) return Units(Level::kSocket);
  std::vector<int> sockets;
  for (const int node : Units(Level::kNuma)) {
    Append(sockets, UnitsWithin(Level::kSocket, Level::kNuma, node));
  }
  return sockets;
}

std::vector<int> CpuAccumulator::SortedCores() const {
  std::vector<int> cores;
  if (numa_first_) {
    for (const int socket : SortedSockets()) {
      Append(cores, UnitsWithin(Level::kCore, Level::kSocket, socket));
    }
  } else {
    for (const int node : SortedNumaNodes()) {
      Append(cores, UnitsWithin(Level::kCore, Level::kNuma, node));
    }
  }
  return cores;
}

std::vector<int> CpuAccumulator::SortedUncoreCaches() const {
  std::vector<int> caches;
  for (const int node : SortedNumaNodes()) {
    Append(caches, UnitsWithin(Level::kUncore, Level::kNuma, node));
  }
  return caches;
}

std::vector<int> CpuAccumulator::AvailableMembers(Level level, int unit) const {
  std::vector<int> cpus;
  for (const int cpu : topology_.Members(level, unit)) {
    if (available_[static_cast<size_t>(cpu)]) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<int> CpuAccumulator::SortedCpus() const {
  const Level level = sorting_ == CpuSorting::kPacked ? Level::kCore : Level::kSocket;
  std::vector<int> cpus;
  for (const int unit : level == Level::kCore ? SortedCores() : SortedSockets()) {
    Append(cpus, AvailableMembers(level, unit));
  }
  return cpus;
}

bool CpuAccumulator::IsFree(Level level, int unit) const {
  const int available = AvailableIn(level, unit);
  if (level == Level::kSocket) return available == topology_.CpusPerSocket();
  if (level == Level::kCore) return available == topology_.CpusPerCore();
  return available == static_cast<int>(topology_.Members(level, unit).size());
}

std::vector<int> CpuAccumulator::Free(Level level) const {
  std::vector<int> units;
  switch (level) {
    case Level::kNuma:
      units = SortedNumaNodes();
      break;
    case Level::kSocket:
      units = SortedSockets();
      break;
    case Level::kCore:
      units = SortedCores();
      break;
    case Level::kUncore:
      units = SortedUncoreCaches();
      break;
  }
  std::erase_if(units, [&](int unit) { return !IsFree(level, unit); });
  return units;
}

CpuFlags CpuAccumulator::FlagsIn(Level level, int unit) const {
  CpuFlags flags(available_.size(), 0);
  for (const int cpu : AvailableMembers(level, unit)) flags[static_cast<size_t>(cpu)] = 1;
  return flags;
}

void CpuAccumulator::Take(std::span<const int> cpus) {
  for (const int each : cpus) {
    const auto cpu = static_cast<size_t>(each);
    if (exact_ && !available_[cpu]) continue;
    --needed_;
    taken_[cpu] = 1;
    if (!available_[cpu]) continue;
    available_[cpu] = 0;
    --available_count_;
    for (const Level level : kAllLevels) {
      --counts_[static_cast<size_t>(level)][static_cast<size_t>(topology_.UnitOf(level, cpu))];
    }
  }
}

void CpuAccumulator::TakeWhole(Level level) {
  for (const int unit : Free(level)) {
    const std::span<const int> cpus = topology_.Members(level, unit);
    const int size = exact_ ? AvailableIn(level, unit) : static_cast<int>(cpus.size());
    if (needed_ >= size) Take(cpus);
  }
}

void CpuAccumulator::TakePartOfUncore(int unit) {
  const int per_core = topology_.CpusPerCore();
  const int cores_needed = (needed_ + per_core - 1) / per_core;
  std::vector<int> cores = UnitsWithin(Level::kCore, Level::kUncore, unit);
  std::ranges::sort(cores);  // by id, not by what is available
  if (static_cast<int>(cores.size()) > cores_needed) {
    cores.resize(static_cast<size_t>(std::max(cores_needed, 0)));
  }
  std::vector<int> cpus;
  for (const int core : cores) Append(cpus, AvailableMembers(Level::kCore, core));
  std::ranges::sort(cpus);
  // The last core of an odd request gives one of its CPUs only.
  if (needed_ % 2 != 0 && per_core > 1 && static_cast<int>(cpus.size()) > needed_) cpus.pop_back();
  if (static_cast<int>(cpus.size()) == needed_) Take(cpus);
}

void CpuAccumulator::TakeUncoreCaches() {
  for (const int unit : SortedUncoreCaches()) {
    if (needed_ >= topology_.CpusPerUncore()) TakeWhole(Level::kUncore);
    if (Satisfied()) return;
    TakePartOfUncore(unit);
    if (Satisfied()) return;
  }
}

void CpuAccumulator::TakeCpus() {
  for (const int cpu : SortedCpus()) {
    Take({&cpu, 1});
    if (Satisfied()) return;
  }
}

std::vector<int> CpuAccumulator::ResultIndexes() const {
  std::vector<int> indexes;
  for (size_t cpu = 0; cpu < taken_.size(); ++cpu) {
    if (taken_[cpu]) indexes.push_back(static_cast<int>(cpu));
  }
  return indexes;
}

CpuSet CpuAccumulator::result() const {
  std::set<int> cpus;
  for (const int index : ResultIndexes()) {
    cpus.insert(cpus.end(), topology_.cpus()[static_cast<size_t>(index)].cpu);
  }
  return CpuSet(std::move(cpus));
}

}  // namespace nodeproof::cpu_manager
