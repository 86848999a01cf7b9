// A partner process that answers every byte: each round trip is two wake-ups and, on one CPU, two
// context switches (the method of lmbench's lat_ctx with two processes).
#pragma once

#include "harness/cgroup/process.h"

namespace nodeproof::bench {

class EchoPartner {
 public:
  // On CPU `cpu`, in `group` or, with nullptr, in the caller's.
  static Result<EchoPartner> Start(const cgroup::Cgroup* group, int cpu);
  Status RoundTrip() const;

 private:
  EchoPartner(Fd to, Fd from, cgroup::Process process)
      : to_(std::move(to)), from_(std::move(from)), process_(std::move(process)) {}
  Fd to_;
  Fd from_;
  cgroup::Process process_;
};

}  // namespace nodeproof::bench
