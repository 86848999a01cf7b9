// A process that moves a file through the page cache: reads it, maps it or writes it buffered, over
// and over, until a fixed amount is done. Then it stays, so that what it was charged stays charged.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::stress {

struct FileFloodOptions {
  enum class Kind {
    kRead,       // pread(2), each part once a pass
    kReadTwice,  // each part twice in a row: its pages count as used more than once
    kMap,        // mapped, one byte a page read
    kWrite,      // pwrite(2) over what is there, buffered
    kWriteNew,   // pwrite(2) to an unnamed file that it makes in the directory `file`, buffered:
                 // its writeback is this process's from the first page on
  };
  std::string name = "file-flood";
  const cgroup::Cgroup* group = nullptr;
  Kind kind = Kind::kRead;
  std::filesystem::path file = {};
  Bytes amount{0};    // in all; beyond the file's end it starts again
  bool sync = false;  // of a writer: fsync(2) before it is done
  std::optional<int> oom_score_adj = std::nullopt;
};

class FileFlood {
 public:
  static Result<FileFlood> Start(const FileFloodOptions& options);

  // Returns once `amount` is moved; an error when the process ended first (killed, say).
  Status AwaitDone(Seconds timeout) { return worker_.AwaitReady(timeout); }
  Bytes Moved() const { return {worker_.counters().moved}; }
  Result<bool> Running() { return worker_.process().Running(); }
  cgroup::Process& process() { return worker_.process(); }

  struct Counters {
    std::atomic<int64_t> moved{0};
  };

 private:
  explicit FileFlood(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::stress
