#include "harness/stress/fork_storm.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "harness/base/clock.h"

namespace nodeproof::stress {
namespace {

using Counters = ForkStorm::Counters;
using Kind = ForkStormOptions::Kind;

constexpr size_t kStackBytes = 16 << 10;
// How long a process that was refused waits until it tries again. Bombs of the wild do not wait;
// this keeps a hundred processes from being a load of the CPU before all else.
constexpr timespec kRetry = {.tv_sec = 0, .tv_nsec = 5'000'000};
constexpr int kExitNoStacks = 118;
constexpr int kExitNoRoot = 117;

// What one process of the storm knows. Everything below runs in forked children that share no more
// than `counters`, some of them on stacks of their own: plain system calls, no allocation.
struct Storm {
  Counters& counters;
  const ForkStormOptions& options;
  std::byte* stacks = nullptr;  // `most` of them
};

int* Word(std::atomic<int>& word) { return reinterpret_cast<int*>(&word); }

// Sets a futex and wakes all who wait for it.
void Release(std::atomic<int>& word, int value) {
  word = value;
  ::syscall(SYS_futex, Word(word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

// Returns when the storm ends, or after `timeout`.
void WaitForEnd(Counters& counters, const timespec* timeout) {
  ::syscall(SYS_futex, Word(counters.ended), FUTEX_WAIT, 0, timeout, nullptr, 0);
}

[[noreturn]] void RestAndExit(Counters& counters) {
  while (counters.ended == 0) WaitForEnd(counters, nullptr);
  ::_exit(0);
}

bool Sated(const Counters& counters, int64_t most, int64_t refusals) {
  return (most > 0 && counters.births >= most) || (refusals > 0 && counters.refused >= refusals);
}

// One more birth, unless the storm has had enough. Every true is followed by CountBirth or by
// CountFailure.
bool Want(const Storm& storm) {
  Counters& counters = storm.counters;
  while (counters.paused != 0 && counters.halted == 0 && counters.ended == 0) {
    counters.pausing.fetch_add(1);
    ::syscall(SYS_futex, Word(counters.paused), FUTEX_WAIT, 1, nullptr, nullptr, 0);
    counters.pausing.fetch_sub(1);
  }
  if (counters.halted != 0 || counters.ended != 0) return false;
  if (storm.options.refusals > 0 && counters.refused >= storm.options.refusals) return false;
  const int64_t before = counters.wanted.fetch_add(1);
  if (storm.options.most == 0 || before < storm.options.most) return true;
  counters.wanted.fetch_sub(1);
  return false;
}

void CountBirth(const Storm& storm) { storm.counters.births.fetch_add(1); }

void CountFailure(const Storm& storm, int code) {
  Counters& counters = storm.counters;
  counters.wanted.fetch_sub(1);
  if (code == EAGAIN) {
    counters.refused.fetch_add(1);
  } else {
    counters.last_error = code;
    counters.failed.fetch_add(1);
  }
  WaitForEnd(counters, &kRetry);
}

[[noreturn]] void Rest(const Storm& storm) {
  storm.counters.resting.fetch_add(1);
  RestAndExit(storm.counters);
}

[[noreturn]] void Bomb(const Storm& storm) {
  while (Want(storm)) {
    const pid_t child = ::fork();
    if (child > 0) CountBirth(storm);
    if (child < 0) CountFailure(storm, errno);
  }
  Rest(storm);
}

[[noreturn]] void HaveChildren(const Storm& storm) {
  while (Want(storm)) {
    const pid_t child = ::fork();
    if (child == 0) RestAndExit(storm.counters);
    if (child > 0) CountBirth(storm);
    if (child < 0) CountFailure(storm, errno);
  }
  Rest(storm);
}

void* StackOf(const Storm& storm, int64_t birth) {
  return storm.stacks + kStackBytes * static_cast<size_t>(birth + 1);
}

int LiveOnThread(void* counters) { RestAndExit(*static_cast<Counters*>(counters)); }

[[noreturn]] void StartThreads(const Storm& storm) {
  constexpr int kFlags =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  while (Want(storm)) {
    void* stack = StackOf(storm, storm.counters.births);
    if (::clone(LiveOnThread, stack, kFlags, &storm.counters) > 0) {
      CountBirth(storm);
    } else {
      CountFailure(storm, errno);
    }
  }
  Rest(storm);
}

// In the youngest of the chain: all its ancestors wait for it and share its memory.
int GoOnWithTheChain(void* argument) {
  const Storm& storm = *static_cast<const Storm*>(argument);
  while (Want(storm)) {
    const int64_t birth = storm.counters.births.fetch_add(1);
    if (::clone(GoOnWithTheChain, StackOf(storm, birth), CLONE_VM | CLONE_VFORK | SIGCHLD,
                argument) > 0) {
      return 0;  // the chain has ended
    }
    storm.counters.births.fetch_sub(1);
    CountFailure(storm, errno);
  }
  Rest(storm);
}

[[noreturn]] void Relay(const Storm& storm) {
  while (Want(storm)) {
    const pid_t child = ::fork();
    if (child > 0) ::_exit(0);
    if (child == 0) CountBirth(storm);
    if (child < 0) CountFailure(storm, errno);
  }
  Rest(storm);
}

// A child of the caller in the storm's group, as fork(2) gives it.
pid_t BearIntoGroup(const ForkStormOptions& options) {
  clone_args args{};
  args.exit_signal = SIGCHLD;
  if (options.group != nullptr) {
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(options.group->fd());
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

[[noreturn]] void BeRoot(Storm& storm) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  switch (storm.options.kind) {
    case Kind::kBomb:
      Bomb(storm);
    case Kind::kThreads:
      StartThreads(storm);
    case Kind::kVfork:
      ::_exit(GoOnWithTheChain(&storm));
    case Kind::kRelay:
      Relay(storm);
    case Kind::kChildren:
    case Kind::kBornInto:
      HaveChildren(storm);
  }
  ::_exit(0);
}

void BearAllIntoGroup(const Storm& storm) {
  while (Want(storm)) {
    const pid_t child = BearIntoGroup(storm.options);
    if (child == 0) RestAndExit(storm.counters);
    if (child > 0) CountBirth(storm);
    if (child < 0) CountFailure(storm, errno);
  }
  storm.counters.resting.fetch_add(1);
  while (storm.counters.ended == 0) WaitForEnd(storm.counters, nullptr);
}

// Orphans of the storm become this process's children, and nobody needs to reap them: a process
// whose parent ignores SIGCHLD leaves no zombie (wait(2)).
int Keep(Storm& storm, const cgroup::ReadySignal& ready) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1UL);
  ::signal(SIGCHLD, SIG_IGN);
  if (storm.options.kind == Kind::kVfork || storm.options.kind == Kind::kThreads) {
    void* stacks = ::mmap(nullptr, kStackBytes * static_cast<size_t>(storm.options.most + 1),
                          PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stacks == MAP_FAILED) return kExitNoStacks;
    storm.stacks = static_cast<std::byte*>(stacks);
  }
  if (storm.options.kind == Kind::kBornInto) {
    ready.Notify();
    BearAllIntoGroup(storm);
  } else {
    for (int i = 0; i < storm.options.runners; ++i) {
      const pid_t root = BearIntoGroup(storm.options);
      if (root < 0) return kExitNoRoot;
      if (root == 0) BeRoot(storm);
    }
    ready.Notify();
  }
  // Returns with ECHILD when the last of them has ended.
  while (::waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
  return 0;
}

}  // namespace

Result<ForkStorm> ForkStorm::Start(const ForkStormOptions& options) {
  if (options.most < 1 && options.kind != Kind::kRelay) {
    return Fail("a fork storm of this kind needs an end: most is {}", options.most);
  }
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        Storm storm{counters, options};
        return Keep(storm, ready);
      }));
  TRY(worker.AwaitReady(Seconds(30)));
  return ForkStorm(std::move(worker), options);
}

ForkStorm::~ForkStorm() {
  if (worker_.process().pidfd() < 0) return;  // moved from
  if (End(Seconds(10)) || group_ == nullptr) return;
  (void)group_->Write("cgroup.kill", "1");
  (void)AwaitEnd(Seconds(30));
}

bool ForkStorm::Sated() const { return stress::Sated(worker_.counters(), most_, refusals_); }

Status ForkStorm::AwaitIdle(const std::function<int64_t()>& idle, std::string_view done,
                            Seconds timeout) {
  const Counters& counters = worker_.counters();
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  for (;;) {
    // A birth under way is wanted and not yet counted, though the child may be idle already.
    const int64_t births = counters.births;
    const int64_t parents = kind_ == Kind::kBomb ? 1 + births : 1;
    if (idle() >= parents && counters.wanted == births) return {};
    if (!TRY(worker_.process().Running())) return Fail("{} has ended", worker_.name());
    if (clock.Now() > deadline) {
      return std::unexpected(Error{
          fmt::format("{} did not {} within {}", worker_.name(), done, FormatDuration(timeout)), "",
          ETIMEDOUT});
    }
    clock.WaitUntil(clock.Now() + Milliseconds(2));
  }
}

Status ForkStorm::Halt(Seconds timeout) {
  worker_.counters().halted = 1;
  Resume();
  return AwaitIdle([this] { return worker_.counters().resting.load(); }, "halt", timeout);
}

Status ForkStorm::Pause(Seconds timeout) {
  worker_.counters().paused = 1;
  // Those that had enough before the pause rest, and never come to it.
  const auto idle = [this] { return worker_.counters().pausing + worker_.counters().resting; };
  return AwaitIdle(idle, "pause", timeout);
}

void ForkStorm::Resume() { Release(worker_.counters().paused, 0); }

Status ForkStorm::End(Seconds timeout) {
  Release(worker_.counters().ended, 1);
  Resume();
  return AwaitEnd(timeout);
}

Status ForkStorm::AwaitEnd(Seconds timeout) {
  const cgroup::Exit exit = TRY(worker_.process().Wait(timeout));
  if (exit != cgroup::Exit{false, 0}) return Fail("{}: {}", worker_.name(), exit.ToString());
  return {};
}

}  // namespace nodeproof::stress
