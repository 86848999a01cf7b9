#include "agent/load.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "agent/host.h"
#include "bench/interference/operations.h"
#include "harness/base/clock.h"
#include "harness/base/json.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::agent {
namespace {

std::vector<bench::NamedOperation> AllLoads() {
  std::vector<bench::NamedOperation> all = {bench::PageCacheFill()};
  std::ranges::copy(bench::Victims(), std::back_inserter(all));
  std::ranges::copy(bench::Aggressors(), std::back_inserter(all));
  return all;
}

Result<bench::NamedOperation> FindLoad(const std::string& name) {
  std::string names;
  for (const bench::NamedOperation& load : AllLoads()) {
    if (load.name == name) return load;
    names += (names.empty() ? "" : ", ") + std::string(load.name);
  }
  return std::unexpected(
      Error{fmt::format("there is no load {}", Quoted(name)), "the loads are " + names, 0});
}

}  // namespace

Status RunLoad(const std::string& name, Seconds duration) {
  const bench::NamedOperation load = TRY(FindLoad(name));
  const char* temporary = std::getenv("TMPDIR");
  const auto scratch = TRY(FindHostScratch(temporary != nullptr ? temporary : "/var/tmp"));
  const auto victims = TRY(probe::ScratchFile::Write(scratch, bench::kGroundFile));
  const auto aggressors = TRY(probe::ScratchFile::Write(scratch, bench::kGroundFile));
  const bench::Grounds grounds{scratch, victims.path(), aggressors.path(), 1};
  bench::Loop loop = TRY(
      bench::Loop::Start({.name = load.name}, [&load, &grounds] { return load.make(grounds); }));
  TRY(loop.AwaitReady(Seconds(60)));
  const Clock& clock = MonotonicClock();
  const Nanoseconds start = clock.Now();
  const int64_t before = loop.Done();
  clock.WaitUntil(start + std::chrono::duration_cast<Nanoseconds>(duration));
  const int64_t done = loop.Done() - before;
  const Seconds took = clock.Now() - start;
  TRY(loop.Check());
  fmt::print("{}\n", TRY(DumpJson({{"name", name}, {"done", done}, {"seconds", took.count()}})));
  return {};
}

}  // namespace nodeproof::agent
