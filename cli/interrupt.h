// ^C and friends as something to read, so that a command can end in order.
#pragma once

#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof::cli {

// Blocks SIGINT, SIGTERM and SIGHUP and returns a descriptor that becomes readable when one comes.
Result<Fd> InterruptFd();

}  // namespace nodeproof::cli
