#include "conformance/memory/machine_memory.h"

#include <fcntl.h>

#include "conformance/claim.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

constexpr const char* kPool = "/proc/sys/vm/nr_hugepages";

}  // namespace

Result<Bytes> MemInfo(std::string_view key) {
  const std::string text = TRY(ReadFile("/proc/meminfo"));
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.size() == 3 && words[0] == key) return KiB(TRY(ParseInt(words[1])));
  }
  return Unsupported("/proc/meminfo has no `{}`", key);
}

Result<std::unique_ptr<PutAside>> PutAside::AllBut(Bytes left) {
  const auto before = ReadFile(kPool);
  if (!before) return Unsupported("the kernel has no {}", kPool);
  const Bytes page = TRY(MemInfo("Hugepagesize:"));
  auto aside = std::unique_ptr<PutAside>(new PutAside(TRY(ParseInt(Trim(*before)))));
  int64_t pages = aside->before_;
  // The kernel reclaims page cache while it looks for pages, so that what is available changes.
  for (int i = 0; i < 4; ++i) {
    const Bytes available = TRY(MemInfo("MemAvailable:"));
    if (available <= left + page * 4) return aside;
    pages += (available - left).value / page.value;
    TRY(WriteFileAt(AT_FDCWD, kPool, fmt::format("{}", pages)));
    pages = TRY(ParseInt(Trim(TRY(ReadFile(kPool)))));
  }
  return Unsupported("{} are still available after the pool of huge pages grew to {}",
                     FormatBytes(TRY(MemInfo("MemAvailable:"))), pages);
}

PutAside::~PutAside() { (void)WriteFileAt(AT_FDCWD, kPool, fmt::format("{}", before_)); }

}  // namespace nodeproof::conformance
