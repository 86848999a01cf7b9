#include "cli/interrupt.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

namespace nodeproof::cli {

Result<Fd> InterruptFd() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return FailErrno(errno, "block signals");
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return FailErrno(errno, "create a signalfd");
  return Fd(fd);
}

}  // namespace nodeproof::cli
