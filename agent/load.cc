#include "agent/load.h"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "agent/host.h"
#include "bench/interference/operations.h"
#include "harness/base/clock.h"
#include "harness/base/json.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::agent {
namespace {

std::vector<bench::NamedOperation> AllLoads() {
  std::vector<bench::NamedOperation> all;
  for (const auto& some : {bench::Victims(), bench::Aggressors(), bench::FurtherLoads()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
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

// A folder of its own, gone with everything in it when the object goes.
class Folder {
 public:
  static Result<Folder> Make(const std::filesystem::path& parent) {
    std::string path = (parent / "nodeproof-load-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) return FailErrno(errno, "make a folder in " + path);
    return Folder(path);
  }
  Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Folder& operator=(Folder&&) = delete;
  ~Folder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace

Status RunLoad(const std::string& name, Seconds duration, const std::string& directory) {
  const bench::NamedOperation load = TRY(FindLoad(name));
  const char* temporary = ::getenv("TMPDIR");
  const std::filesystem::path scratch =
      directory.empty() ? TRY(FindHostScratch(temporary != nullptr ? temporary : "/var/tmp"))
                        : std::filesystem::path(directory);
  const auto victims = TRY(probe::ScratchFile::Write(scratch, bench::kGroundFile));
  const auto aggressors = TRY(probe::ScratchFile::Write(scratch, bench::kGroundFile));
  const Folder folder = TRY(Folder::Make(scratch));
  const bench::Grounds grounds{folder.path(), victims.path(), aggressors.path(), 1};
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
