#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "bench/interference/operations.h"
#include "bench/io/ring.h"
#include "bench/mechanics/chase.h"
#include "bench/mechanics/missing_names.h"
#include "bench/mechanics/stream.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::bench {
namespace {

Result<Operation> MakeCpuHog(const Grounds&) {
  return Timed([]() -> Status {
    uint64_t state = 1;
    for (int i = 0; i < 20'000; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      asm volatile("" : "+r"(state));
    }
    return {};
  });
}

Result<Operation> MakeBandwidthHog(const Grounds&) {
  auto region = std::make_shared<Region>(TRY(Region::Map(MiB(32), Pages::k4K)));
  region->Touch(KiB(4));
  return Timed([region]() -> Status {
    StreamOnce(*region, Stream::kCopy);
    return {};
  });
}

// Random lines of 32 MiB: each of them throws another out of the caches.
Result<Operation> MakeCacheThrash(const Grounds&) {
  auto chase = std::make_shared<Chase>(TRY(Chase::Make(MiB(32), Pages::k4K, 2)));
  return Timed([chase]() -> Status {
    chase->Walk(5000);
    return {};
  });
}

// Fills up to 384 MiB of the node's 512, all processes together, and gives all of it back.
Result<Operation> MakeAnonHog(const Grounds& grounds) {
  const Bytes most{MiB(384).value / grounds.share / MiB(1).value * MiB(1).value};
  auto region = std::make_shared<Region>(TRY(Region::Map(most, Pages::k4K)));
  auto filled = std::make_shared<int64_t>(0);
  return Timed([region, filled]() -> Status {
    if (*filled >= region->size().value) {
      TRY(region->Drop());
      *filled = 0;
    }
    for (int64_t page = 0; page < MiB(1).value; page += 4096) {
      *reinterpret_cast<volatile std::byte*>(region->data() + *filled + page) = std::byte{1};
    }
    *filled += MiB(1).value;
    return {};
  });
}

// Reads a file of holes, four times the node's memory: page cache as fast as a CPU can make it.
Result<Operation> MakeCacheFlood(const Grounds& grounds) {
  constexpr int64_t kSize = int64_t{2} << 30;
  auto file = std::make_shared<Fd>(
      TRY(OpenAt(AT_FDCWD, grounds.directory.string(), O_TMPFILE | O_RDWR, 0600)));
  if (::ftruncate(file->get(), kSize) != 0) return FailErrno(errno, "make a file of holes");
  auto buffer = std::make_shared<std::vector<char>>(256 << 10);
  auto at = std::make_shared<int64_t>(0);
  return Timed([file, buffer, at]() -> Status {
    const ssize_t got = ::pread(file->get(), buffer->data(), buffer->size(), *at);
    if (got < 0) return FailErrno(errno, "read a file of holes");
    *at = (*at + got) % kSize;
    return {};
  });
}

Result<Operation> MakeSlabGrowth(const Grounds& grounds) {
  auto names = std::make_shared<MissingNames>(TRY(MissingNames::In(grounds.directory)));
  return Timed([names]() -> Status {
    for (int i = 0; i < 32; ++i) TRY(names->LookUp());
    return {};
  });
}

// Sixteen children at once that use a CPU for a moment and end; what pids.max refuses is refused.
Result<Operation> MakeForkBomb(const Grounds&) {
  return Timed([]() -> Status {
    for (int i = 0; i < 16; ++i) {
      const pid_t pid = ::fork();
      if (pid < 0) break;
      if (pid > 0) continue;
      uint64_t state = 1;
      for (int round = 0; round < 100'000; ++round) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        asm volatile("" : "+r"(state));
      }
      ::_exit(0);
    }
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    return {};
  });
}

Result<Operation> MakeIoFlood(const Grounds& grounds) {
  std::shared_ptr<Ring> ring =
      TRY(Ring::Open(grounds.aggressors_file, kGroundFile,
                     {.write = true, .random = true, .block = KiB(64), .depth = 16}, 2));
  return Operation([ring] { return ring->Next(); });
}

Result<Operation> MakePageCacheFill(const Grounds& grounds) {
  constexpr int64_t kSize = int64_t{256} << 20;
  auto file = std::make_shared<Fd>(
      TRY(OpenAt(AT_FDCWD, grounds.directory.string(), O_TMPFILE | O_RDWR, 0600)));
  auto buffer = std::make_shared<std::vector<char>>(256 << 10, 'x');
  auto at = std::make_shared<int64_t>(0);
  return Timed([file, buffer, at]() -> Status {
    if (*at >= kSize) {
      if (::ftruncate(file->get(), 0) != 0) return FailErrno(errno, "empty the file");
      *at = 0;
    }
    const ssize_t written = ::pwrite(file->get(), buffer->data(), buffer->size(), *at);
    if (written < 0) return FailErrno(errno, "write to the file");
    *at += written;
    return {};
  });
}

Result<Operation> MakeNamedFile(const Grounds& grounds) {
  const std::string path = (grounds.directory / "nodeproof-named-file").string();
  return Timed([path]() -> Status {
    TRY(OpenAt(AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0600));
    if (::unlink(path.c_str()) != 0) return FailErrno(errno, "unlink " + path);
    return {};
  });
}

constexpr NamedOperation kAggressors[] = {
    {"cpu-hog", "arithmetic", false, MakeCpuHog},
    {"bandwidth-hog", "copies of 16 MiB", false, MakeBandwidthHog},
    {"cache-thrash", "random lines of 32 MiB", false, MakeCacheThrash},
    {"anon-hog", "384 MiB of anonymous memory, over and over", false, MakeAnonHog},
    {"page-cache-flood", "reads of a file larger than the node", true, MakeCacheFlood},
    {"slab-growth", "negative dentries", true, MakeSlabGrowth},
    {"fork-bomb", "16 children at once, over and over", false, MakeForkBomb},
    {"io-flood", "direct writes of 64 KiB, 16 in flight", true, MakeIoFlood}};

constexpr NamedOperation kFurther[] = {
    {"page-cache-fill", "buffered writes of new pages", true, MakePageCacheFill},
    {"named-file", "a file made and unlinked", true, MakeNamedFile}};

}  // namespace

std::span<const NamedOperation> Aggressors() { return kAggressors; }

std::span<const NamedOperation> FurtherLoads() { return kFurther; }

}  // namespace nodeproof::bench
