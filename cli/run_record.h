// A note of what a running command (`run`, `bench`, `gate`) may leave behind when it is killed: its
// --out folder, where a report may be half-written. The kernel releases the note's lock when the
// process ends, however it ends, so `clean` can tell a dead run's note from a living one's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof::cli {

// In the --out folder, when a guest died: the end of its console.
constexpr const char* kConsoleFile = "console.txt";

class RunRecord {
 public:
  // Notes that this process writes into `out`. Creates `state` if need be. Errors say how to choose
  // another one.
  static Result<RunRecord> Create(const std::filesystem::path& state,
                                  const std::filesystem::path& out);
  RunRecord(RunRecord&& other) noexcept;
  RunRecord& operator=(RunRecord&&) = delete;
  ~RunRecord();

 private:
  RunRecord(Fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::filesystem::path path_;
};

// Removes what dead runs have noted: half-written files in their --out folders, and the notes.
// Returns the paths that were removed, notes left out.
Result<std::vector<std::filesystem::path>> RemoveLeftovers(const std::filesystem::path& state);

// Removes an earlier run's reports from an --out folder, so that they do not stand beside the
// results of one that writes none: results.json itself stays.
void RemoveReports(const std::filesystem::path& out);

}  // namespace nodeproof::cli
