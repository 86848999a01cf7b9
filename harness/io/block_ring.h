// Blocks of files under way through io_uring, each with a buffer of its own: what jobs and
// benchmarks of block I/O share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/io/io_ring.h"

namespace nodeproof::io {

enum class Direction { kRead, kWrite };

// Memory for `count` blocks, aligned for direct I/O and touched, so charged to the caller. It holds
// no zeros: a device may keep those without storing them. nullptr: there is not so much.
struct FreeMemory {
  void operator()(char* memory) const { std::free(memory); }
};
using BlockMemory = std::unique_ptr<char, FreeMemory>;
BlockMemory MakeBlockMemory(Bytes block, int count);

class BlockRing {
 public:
  // Room for `depth` blocks. Errors: those of IoRing::Create(); ENOMEM.
  static Result<BlockRing> Create(int depth, Bytes block);
  BlockRing(BlockRing&&) = default;
  BlockRing& operator=(BlockRing&&) = delete;
  // Waits for what is under way, because a device writes to the memory until it is done, also when
  // the ring has gone. What takes longer than 10 s keeps its memory for good.
  ~BlockRing();

  bool full() const { return free_.empty(); }
  int under_way() const { return under_way_; }

  // Handed to the kernel by the next Submit(); not while full(). `begun` comes back when it is
  // done.
  void Put(Direction direction, int fd, int64_t offset, Nanoseconds begun);
  void PutSync(int fd);  // fsync(2); it needs no buffer
  int Submit();          // 0 or an errno

  // Waits until something has completed, `timeout` at most. 0 or an errno, ETIME and EINTR
  // included.
  int Wait(std::optional<Nanoseconds> timeout = std::nullopt);

  struct Done {
    bool sync = false;
    int64_t offset = 0;
    Nanoseconds begun{0};
    int error = 0;  // an errno; EIO for a block that was cut short
  };
  // What has completed and not been taken; its buffer is free again. Does not wait.
  std::optional<Done> Take();

 private:
  struct Slot {
    int64_t offset = 0;
    Nanoseconds begun{0};
  };
  BlockRing(BlockMemory memory, IoRing ring, int depth, Bytes block);

  Bytes block_;
  std::vector<Slot> slots_;
  std::vector<size_t> free_;  // of slots_
  int under_way_ = 0;
  BlockMemory memory_;
  IoRing ring_;
};

}  // namespace nodeproof::io
