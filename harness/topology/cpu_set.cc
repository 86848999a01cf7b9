#include "harness/topology/cpu_set.h"

#include <algorithm>
#include <iterator>

#include "harness/base/file.h"

namespace nodeproof {
namespace {

constexpr uint64_t kHighestCpu = 65535;

Result<int> ParseCpu(std::string_view text, std::string_view whole) {
  const auto cpu = ParseUint(text);
  if (!cpu) return Fail("CPU list '{}': '{}' is not a CPU number", whole, text);
  if (*cpu > kHighestCpu) return Fail("CPU list '{}': {} is above {}", whole, *cpu, kHighestCpu);
  return static_cast<int>(*cpu);
}

}  // namespace

Result<CpuSet> CpuSet::Parse(std::string_view text) {
  CpuSet set;
  const std::string_view list = Trim(text);
  for (const std::string_view part : Split(list, ',')) {
    const size_t dash = part.find('-');
    const int first = TRY(ParseCpu(part.substr(0, dash), list));
    const int last =
        dash == std::string_view::npos ? first : TRY(ParseCpu(part.substr(dash + 1), list));
    if (last < first) return Fail("CPU list '{}': range {} runs backwards", list, part);
    for (int cpu = first; cpu <= last; ++cpu) set.cpus_.insert(set.cpus_.end(), cpu);
  }
  return set;
}

CpuSet CpuSet::Range(int first, int last) {
  CpuSet set;
  for (int cpu = first; cpu <= last; ++cpu) set.cpus_.insert(set.cpus_.end(), cpu);
  return set;
}

bool CpuSet::Contains(const CpuSet& other) const {
  return std::includes(cpus_.begin(), cpus_.end(), other.cpus_.begin(), other.cpus_.end());
}

bool CpuSet::Intersects(const CpuSet& other) const {
  return std::any_of(other.begin(), other.end(), [this](int cpu) { return Contains(cpu); });
}

std::string CpuSet::ToString() const {
  std::string text;
  for (auto it = cpus_.begin(); it != cpus_.end();) {
    const int first = *it;
    int last = first;
    while (++it != cpus_.end() && *it == last + 1) last = *it;
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

CpuSet operator|(const CpuSet& a, const CpuSet& b) {
  CpuSet result = a;
  result.cpus_.insert(b.begin(), b.end());
  return result;
}

CpuSet operator&(const CpuSet& a, const CpuSet& b) {
  CpuSet result;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                        std::inserter(result.cpus_, result.cpus_.end()));
  return result;
}

CpuSet operator-(const CpuSet& a, const CpuSet& b) {
  CpuSet result;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(),
                      std::inserter(result.cpus_, result.cpus_.end()));
  return result;
}

}  // namespace nodeproof
