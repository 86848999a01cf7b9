#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>

#include "bench/interference/operations.h"
#include "bench/io/ring.h"
#include "bench/mechanics/births.h"
#include "bench/mechanics/chase.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::bench {
namespace {

// A request every millisecond; what it waits for is its wake-up.
Result<Operation> MakeWakeup(const Grounds&) {
  auto due = std::make_shared<Nanoseconds>(MonotonicClock().Now());
  return Operation([due]() -> Result<Nanoseconds> {
    const Clock& clock = MonotonicClock();
    *due = std::max(*due + Milliseconds(1), clock.Now());
    clock.WaitUntil(*due);
    return clock.Now() - *due;
  });
}

Result<Operation> MakeCompute(const Grounds&) {
  return Timed([]() -> Status {
    uint64_t state = 1;
    for (int i = 0; i < 10'000; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      asm volatile("" : "+r"(state));
    }
    return {};
  });
}

Result<Operation> MakeChase(const Grounds&) {
  auto chase = std::make_shared<Chase>(TRY(Chase::Make(MiB(8), Pages::k4K, 1)));
  return Timed([chase]() -> Status {
    chase->Walk(1000);
    return {};
  });
}

Result<Operation> MakePageFault(const Grounds&) {
  auto region = std::make_shared<Region>(TRY(Region::Map(KiB(128), Pages::k4K)));
  return Timed([region]() -> Status {
    region->Touch(KiB(4));
    return region->Drop();
  });
}

// Pages of a file that it has read before and that are its own.
Result<Operation> MakeCachedRead(const Grounds& grounds) {
  auto file = std::make_shared<Fd>(TRY(OpenAt(AT_FDCWD, grounds.victims_file.string(), O_RDONLY)));
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_RANDOM);
  std::vector<char> whole(1 << 20);
  for (int64_t at = 0; at < kGroundFile.value; at += 1 << 20) {
    if (::pread(file->get(), whole.data(), whole.size(), at) < 0) {
      return FailErrno(errno, "read the victim's file");
    }
  }
  auto random = std::make_shared<std::mt19937_64>(1);
  return Timed([file, random]() -> Status {
    char page[4096];
    for (int i = 0; i < 16; ++i) {
      const auto at = static_cast<off_t>((*random)() % (kGroundFile.value / 4096) * 4096);
      if (::pread(file->get(), page, sizeof page, at) < 0) {
        return FailErrno(errno, "read the victim's file");
      }
    }
    return {};
  });
}

Result<Operation> MakeFork(const Grounds&) {
  return Timed([] { return BirthAndDeath(Birth::kFork, nullptr); });
}

// An inode that nobody sees: nothing can be left behind.
Result<Operation> MakeFileCreate(const Grounds& grounds) {
  const std::string directory = grounds.directory.string();
  return Timed([directory]() -> Status {
    TRY(OpenAt(AT_FDCWD, directory, O_TMPFILE | O_WRONLY, 0600));
    return {};
  });
}

Result<Operation> MakeRandomRead(const Grounds& grounds) {
  std::shared_ptr<Ring> ring = TRY(Ring::Open(grounds.victims_file, kGroundFile, {}, 1));
  return Operation([ring] { return ring->Next(); });
}

constexpr NamedOperation kVictims[] = {
    {"wakeup", "a request every millisecond", false, MakeWakeup},
    {"compute", "arithmetic", false, MakeCompute},
    {"pointer-chase", "dependent loads in 8 MiB", false, MakeChase},
    {"page-fault", "32 page faults", false, MakePageFault},
    {"cached-read", "16 reads of its own page cache", true, MakeCachedRead},
    {"fork", "fork and wait", false, MakeFork},
    {"file-create", "a new inode", true, MakeFileCreate},
    {"random-read", "a direct read of 4 KiB", true, MakeRandomRead}};

}  // namespace

std::span<const NamedOperation> Victims() { return kVictims; }

}  // namespace nodeproof::bench
