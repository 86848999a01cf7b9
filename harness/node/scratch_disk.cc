#include "harness/node/scratch_disk.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/file.h"
#include "harness/node/child_process.h"
#include "harness/node/qemu_command.h"

namespace nodeproof::node {

Result<Fd> MakeScratchDisk(Bytes size) {
  if (size < kMinScratch) {
    return Fail("a scratch disk of {} is too small: it needs at least {}", FormatBytes(size),
                FormatBytes(kMinScratch));
  }
  const std::string mke2fs = TRY(FindProgram("mke2fs", "e2fsprogs"));
  Fd disk = TRY(MemoryFile("nodeproof-scratch", /*inherited=*/false));
  if (::ftruncate(disk.get(), size.value) != 0) {
    return FailErrno(errno, fmt::format("make a scratch disk of {}", FormatBytes(size)));
  }
  Pipe output = TRY(MakePipe());
  SpawnSpec spec;
  spec.argv = {mke2fs, "-q", "-F", "-t", "ext4", "-m", "0", "-L", "scratch",
               // The guest must not go on formatting while claims measure its I/O.
               "-E", "lazy_itable_init=0,lazy_journal_init=0",
               fmt::format("/proc/self/fd/{}", disk.get())};
  spec.inherited = {disk.get()};
  spec.output = output.write.get();
  ChildProcess process = TRY(ChildProcess::Spawn(spec));
  output.write.Close();
  // Its few words fit the pipe, so it can be waited for before they are read.
  const int status = process.Wait();
  if (status == 0) return disk;
  char words[512];
  const ssize_t got = ::read(output.read.get(), words, sizeof words);
  return Fail("mke2fs {}: {}", DescribeStatus(status),
              Trim(std::string_view(words, got > 0 ? static_cast<size_t>(got) : 0)));
}

}  // namespace nodeproof::node
