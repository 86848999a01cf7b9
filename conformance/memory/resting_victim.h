// A victim with its working set in the page cache, at rest while an aggressor runs: nothing but
// protection keeps its pages. Afterwards it reads them again and counts what had to come from disk.
//
// It reads them once. Pages that are read twice are active (mark_page_accessed()), and without the
// multi-generational LRU reclaim leaves active pages alone while there are enough inactive ones and
// no refault comes soon (prepare_scan_count() of mm/vmscan.c, workingset_refault()): a victim
// without protection would lose its pages or keep them as chance has it.
#pragma once

#include "conformance/memory/steps.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/residency.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::conformance {

class RestingVictim {
 public:
  // What its file holds: blocks on the disk, or none, so that reading it costs no I/O.
  enum class Content { kBlocks, kHoles };
  // Reads `cache` bytes of a file of its own into the page cache, charged to `group`.
  static Result<RestingVictim> Start(ArmContext& context, const cgroup::Cgroup& group, Bytes cache,
                                     Content content = Content::kBlocks);

  // Looks at its pages: what is there now, and the least of all looks so far.
  Result<Bytes> Look();
  Bytes least() const { return least_; }
  // The pages it had before anybody ran against it.
  Bytes before() const { return before_; }

  // Reads the whole file once more.
  struct Reread {
    int64_t refaults = 0;  // workingset_refault_file of its group, since Start()
    Nanoseconds pass{0};   // what the pass took
  };
  Result<Reread> ReadAgain(ArmContext& context);

 private:
  RestingVictim(const cgroup::Cgroup& group, probe::ScratchFile file, probe::Residency residency,
                probe::CachedReader reader)
      : group_(&group),
        file_(std::move(file)),
        residency_(std::move(residency)),
        reader_(std::move(reader)) {}

  const cgroup::Cgroup* group_;
  probe::ScratchFile file_;
  probe::Residency residency_;
  probe::CachedReader reader_;
  Bytes before_{0};
  Bytes least_{0};
  int64_t refaults_before_ = 0;
};

// "the victim read its file again in 12 ms": for an arm's notes.
std::string Describe(const RestingVictim::Reread& reread);

}  // namespace nodeproof::conformance
