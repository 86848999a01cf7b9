// The machine's own memory, for claims in which it runs out while no group meets a limit.
#pragma once

#include <memory>
#include <string_view>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::conformance {

// A field of /proc/meminfo that is in kB, such as "MemTotal:".
Result<Bytes> MemInfo(std::string_view key);

// All of the machine's memory but `left`, put aside in the pool of huge pages while this lives: a
// large machine then runs out as quickly as a small one. Nobody is charged for pages of the pool.
class PutAside {
 public:
  static Result<std::unique_ptr<PutAside>> AllBut(Bytes left);
  PutAside(const PutAside&) = delete;
  ~PutAside();

 private:
  explicit PutAside(int64_t before) : before_(before) {}
  int64_t before_;
};

}  // namespace nodeproof::conformance
