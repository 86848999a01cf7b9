#include "harness/base/fd.h"

#include <unistd.h>

namespace nodeproof {

void Fd::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace nodeproof
