// An io_uring instance (liburing) that cleans up after itself.
#pragma once

#include <liburing.h>

#include <memory>

#include "harness/base/result.h"

namespace nodeproof::io {

class IoRing {
 public:
  // Room for `depth` requests. An Error marked `unsupported` where the kernel or its settings allow
  // no io_uring: it names /proc/sys/kernel/io_uring_disabled where that forbids it (kernel 6.6).
  static Result<IoRing> Create(unsigned depth);

  io_uring* get() const { return ring_.get(); }

 private:
  struct Exit {
    void operator()(io_uring* ring) const;
  };
  explicit IoRing(std::unique_ptr<io_uring, Exit> ring) : ring_(std::move(ring)) {}
  std::unique_ptr<io_uring, Exit> ring_;
};

}  // namespace nodeproof::io
