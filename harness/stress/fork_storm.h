// A storm of births in a cgroup: fork bombs of several kinds, and processes that are born and die
// without end. It counts what the kernel let it have by itself, whatever pids.current says.
//
//   the caller ── keeper             in the caller's group; what the storm leaves behind is its
//   child
//                   └─ root …        born in the storm's group, and all that comes of it
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "harness/cgroup/worker.h"

namespace nodeproof::stress {

struct ForkStormOptions {
  enum class Kind {
    kBomb,      // every process forks, and so does every child: :(){ :|:& };:
    kVfork,     // a chain: each child shares its parent's memory, which waits for it, and goes on
    kThreads,   // one process that starts threads
    kBornInto,  // a process outside gives birth into the group (clone3 with CLONE_INTO_CGROUP)
    kChildren,  // one process that forks children one by one, which rest
    kRelay,     // `runners` that fork and end at once, the child going on: always other processes
  };
  std::string name = "fork-storm";
  const cgroup::Cgroup* group = nullptr;  // must outlive the storm
  Kind kind = Kind::kBomb;
  CpuSet affinity = {};  // of all of it, the keeper too
  // Births after which it wants no more; 0 is no end (kRelay).
  int64_t most = 0;
  // Refused births after which it wants no more; 0 is no end.
  int64_t refusals = 0;
  int runners = 1;  // kRelay
};

class ForkStorm {
 public:
  static Result<ForkStorm> Start(const ForkStormOptions& options);
  ForkStorm(ForkStorm&&) noexcept = default;
  ForkStorm& operator=(ForkStorm&&) = delete;
  // Ends it and waits until all of it is reaped. What does not end by itself (because it is frozen)
  // is killed together with all else in its group.
  ~ForkStorm();

  // Births that succeeded, the root's not among them.
  int64_t Births() const { return worker_.counters().births; }
  // Births that failed with EAGAIN, which is what a pids.max says.
  int64_t Refused() const { return worker_.counters().refused; }
  // Births that failed otherwise, and the last such errno.
  int64_t Failed() const { return worker_.counters().failed; }
  int LastError() const { return worker_.counters().last_error; }
  // Tasks in the group, as none but kRelay's end before the storm does.
  int64_t Tasks() const { return Births() + (kind_ == Kind::kBornInto ? 0 : 1); }
  // Whether it wants no more births: it met `most` or `refusals`.
  bool Sated() const;

  // Makes it want no more births, and waits until none is under way: then all counts are final. An
  // error with code ETIMEDOUT if that takes longer. Not for kRelay.
  Status Halt(Seconds timeout);
  // Makes it try no birth until Resume(), and waits until none is under way. Errors as of Halt();
  // not for kRelay.
  Status Pause(Seconds timeout);
  void Resume();
  // Makes it end, and waits until all of it is reaped.
  Status End(Seconds timeout);
  // Waits until all of it has ended, whoever made it. An error with code ETIMEDOUT otherwise.
  Status AwaitEnd(Seconds timeout);

  struct Counters {
    std::atomic<int64_t> births{0};
    std::atomic<int64_t> wanted{0};  // births begun and not failed
    std::atomic<int64_t> refused{0};
    std::atomic<int64_t> failed{0};
    std::atomic<int> last_error{0};
    std::atomic<int64_t> resting{0};  // processes that want no more births
    std::atomic<int> halted{0};
    std::atomic<int> paused{0};       // a futex
    std::atomic<int64_t> pausing{0};  // processes that wait for it
    std::atomic<int> ended{0};        // a futex
  };

 private:
  using Kind = ForkStormOptions::Kind;
  ForkStorm(cgroup::Worker<Counters> worker, const ForkStormOptions& options)
      : worker_(std::move(worker)),
        group_(options.group),
        kind_(options.kind),
        most_(options.most),
        refusals_(options.refusals) {}
  // Waits until `idle` counts every process that gives birth.
  Status AwaitIdle(const std::function<int64_t()>& idle, std::string_view done, Seconds timeout);

  cgroup::Worker<Counters> worker_;
  const cgroup::Cgroup* group_;
  Kind kind_;
  int64_t most_;
  int64_t refusals_;
};

}  // namespace nodeproof::stress
