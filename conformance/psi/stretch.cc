#include "conformance/psi/stretch.h"

#include <cerrno>

#include "harness/base/file.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {

Result<Stretch::Reading> Stretch::ReadAllNow() const {
  Reading reading;
  reading.first = clock_->Now();
  for (const RunTime& ran : processes_) reading.ran.push_back(TRY(ran()));
  for (const File& file : files_) {
    reading.pressure.push_back(
        file.group != nullptr
            ? TRY(cgroup::ReadPressure(*file.group, file.name))
            : TRY(cgroup::ParsePressure(TRY(ReadFile("/proc/pressure/" + file.name)))));
  }
  reading.last = clock_->Now();
  return reading;
}

Status Stretch::Begin() {
  begun_ = TRY(ReadAllNow());
  return {};
}

Result<Growth> Stretch::Read() const {
  const Reading now = TRY(ReadAllNow());
  Growth growth;
  growth.wall = now.first - begun_.first;
  growth.error = 2 * kEdge + (now.last - now.first) + (begun_.last - begun_.first);
  for (size_t i = 0; i < now.ran.size(); ++i) growth.ran.push_back(now.ran[i] - begun_.ran[i]);
  for (size_t i = 0; i < now.pressure.size(); ++i) {
    growth.pressure.push_back({now.pressure[i].some_total - begun_.pressure[i].some_total,
                               now.pressure[i].full_total - begun_.pressure[i].full_total});
  }
  return growth;
}

Status RequirePressure(const cgroup::Cgroup& group, const std::string& file) {
  if (!group.Has(file)) {
    return Unsupported("the kernel has no {} (CONFIG_PSI, psi=1; cgroup {})", file, group.path());
  }
  const auto text = group.Read(file);
  if (!text && text.error().code == EOPNOTSUPP) {
    return Unsupported("{} cannot be read: PSI is off (psi=1)", file);
  }
  if (!text) return std::unexpected(text.error());
  return {};
}

results::Check PartIs(std::string name, const Growth& growth, results::Relation relation,
                      Nanoseconds expected, Nanoseconds measured, Nanoseconds more) {
  const Seconds wall = growth.wall;
  return measure::ExactCheck(
      std::move(name),
      {Seconds(expected) / wall, relation, Seconds(growth.error + more) / wall, "ratio"},
      Seconds(measured) / wall);
}

}  // namespace nodeproof::conformance
