// Groups that benchmarks make: one below the other, or side by side, gone when the object goes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/core/bench.h"
#include "harness/cgroup/cgroup.h"

namespace nodeproof::bench {

// A group below `parent` with `depth` - 1 more below each other, "<name>" and "level-2" … :
//
//   parent ── name ── level-2 ── … ── level-<depth>
class Nest {
 public:
  // Turns `controllers` on at every level, also in `parent`, writes `knobs` to the innermost.
  // Errors: a knob that the kernel lacks is `unsupported`.
  static Result<Nest> Make(const cgroup::Cgroup& parent, const std::string& name, int depth,
                           const std::vector<std::string>& controllers,
                           const std::vector<Knob>& knobs = {});
  Nest(Nest&&) noexcept = default;
  Nest& operator=(Nest&&) = delete;
  // Kills and removes everything below, itself included.
  ~Nest();

  const cgroup::Cgroup& outer() const { return groups_->front(); }
  const cgroup::Cgroup& leaf() const { return groups_->back(); }

 private:
  Nest() : groups_(std::make_unique<std::vector<cgroup::Cgroup>>()) {}
  std::unique_ptr<std::vector<cgroup::Cgroup>> groups_;
};

// Writes knobs; a file that the kernel lacks is `unsupported`, by name.
Status WriteKnobs(const cgroup::Cgroup& group, const std::vector<Knob>& knobs);

}  // namespace nodeproof::bench
