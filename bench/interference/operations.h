// The victims and the aggressors of the interference matrix: what each does over and over.
#pragma once

#include <filesystem>
#include <span>

#include "bench/mechanics/loop.h"

namespace nodeproof::bench {

// Files on the scratch disk that operations read and write, made once a run.
struct Grounds {
  std::filesystem::path directory;
  std::filesystem::path victims_file;  // kGroundFile bytes each
  std::filesystem::path aggressors_file;
  int share = 1;  // how many processes the aggressor is: each takes its part of the memory
};
inline constexpr Bytes kGroundFile = MiB(32);

struct NamedOperation {
  const char* name;  // in ids: "wakeup", "cpu-hog"
  const char* what;
  bool needs_files = false;
  Result<Operation> (*make)(const Grounds&);
};

std::span<const NamedOperation> Victims();
std::span<const NamedOperation> Aggressors();
// What peers have, too, and what is no victim or aggressor: buffered writes of new pages, 256 KiB
// each; a named file made and unlinked, which a killed process may leave in `directory`.
std::span<const NamedOperation> FurtherLoads();

}  // namespace nodeproof::bench
