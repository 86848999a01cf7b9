#include "bench/mechanics/echo.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace nodeproof::bench {
namespace {

Result<std::pair<Fd, Fd>> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make a pipe");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

}  // namespace

Result<EchoPartner> EchoPartner::Start(const cgroup::Cgroup* group, int cpu) {
  auto [there_out, there_in] = TRY(MakePipe());
  auto [back_out, back_in] = TRY(MakePipe());
  const int in = there_out.get();
  const int out = back_in.get();
  cgroup::Process process = TRY(
      cgroup::Process::Spawn({.name = "echo", .group = group, .affinity = CpuSet{cpu}}, [in, out] {
        char byte = 0;
        while (::read(in, &byte, 1) == 1 && ::write(out, &byte, 1) == 1) {
        }
        return 0;
      }));
  return EchoPartner(std::move(there_in), std::move(back_out), std::move(process));
}

Status EchoPartner::RoundTrip() const {
  char byte = 'x';
  if (::write(to_.get(), &byte, 1) != 1 || ::read(from_.get(), &byte, 1) != 1) {
    return FailErrno(errno, "exchange a byte with the partner");
  }
  return {};
}

}  // namespace nodeproof::bench
