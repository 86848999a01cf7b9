// A child process with counters that it shares with its parent, and a way to say that it is ready:
// the shape of every aggressor and every victim.
#pragma once

#include <functional>

#include "harness/base/shared.h"
#include "harness/cgroup/process.h"

namespace nodeproof::cgroup {

// One end of "I am ready", usable across a fork.
class ReadySignal {
 public:
  static Result<ReadySignal> Create();
  void Notify() const;  // by the child; safe to call again
  // Returns when the child has called Notify(), or with an error when it ended first or `timeout`
  // has passed (code ETIMEDOUT).
  Status Await(Process& child, const std::string& name, Seconds timeout) const;

 private:
  explicit ReadySignal(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// Holds children back until all of them are ready, so that none of a contest's loads starts late
// because the others already run. Usable across a fork.
class StartGate {
 public:
  static Result<StartGate> Create();
  void Open() const;   // lets all through, now and later
  void Await() const;  // by a child: returns when the gate is open

 private:
  explicit StartGate(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

template <typename Counters>
class Worker {
 public:
  // The child runs body(counters, ready) and exits with what it returns.
  using Body = std::function<int(Counters&, const ReadySignal&)>;

  static Result<Worker> Start(const SpawnOptions& options, const Body& body) {
    Shared<Counters> counters = TRY(Shared<Counters>::Create());
    ReadySignal ready = TRY(ReadySignal::Create());
    Process process = TRY(Process::Spawn(options, [&] { return body(*counters, ready); }));
    return Worker(std::move(counters), std::move(ready), std::move(process), options.name);
  }

  Status AwaitReady(Seconds timeout) { return ready_.Await(process_, name_, timeout); }
  Counters& counters() const { return *counters_; }
  Process& process() { return process_; }
  const std::string& name() const { return name_; }

 private:
  Worker(Shared<Counters> counters, ReadySignal ready, Process process, std::string name)
      : counters_(std::move(counters)),
        ready_(std::move(ready)),
        process_(std::move(process)),
        name_(std::move(name)) {}

  Shared<Counters> counters_;
  ReadySignal ready_;
  Process process_;
  std::string name_;
};

}  // namespace nodeproof::cgroup
