#include "harness/node/kernel_image.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "harness/base/file.h"
#include "harness/node/decompress.h"

namespace nodeproof::node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultKernel = "6.12";

// Documentation/arch/x86/boot.rst, "The real-mode kernel header".
constexpr size_t kBootFlag = 0x1fe;       // 0xAA55
constexpr size_t kMagic = 0x202;          // "HdrS"
constexpr size_t kProtocol = 0x206;       // boot protocol version
constexpr size_t kVersionText = 0x20e;    // offset of the version, less 0x200
constexpr size_t kXloadFlags = 0x236;     // bit 0: there is a 64-bit entry point
constexpr size_t kSetupSectors = 0x1f1;   // of the real-mode code; 0 is 4
constexpr size_t kPayloadOffset = 0x248;  // from the end of the real-mode code
constexpr size_t kPayloadLength = 0x24c;
constexpr size_t kHeaderEnd = 0x250;
constexpr size_t kMaxKernel = 512U << 20;  // unpacked
constexpr unsigned kProtocolWithXload = 0x020c;
// The set-up code that holds the version is at most 64 sectors and the boot sector.
constexpr size_t kSetupSize = 65 * 512;

unsigned Word(std::string_view bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]) |
         static_cast<unsigned>(static_cast<unsigned char>(bytes[at + 1])) << 8;
}

uint32_t DoubleWord(std::string_view bytes, size_t at) {
  return Word(bytes, at) | static_cast<uint32_t>(Word(bytes, at + 2)) << 16;
}

// The packed kernel in a bzImage, or nothing if it does not lie within.
std::string_view Payload(std::string_view image) {
  const auto sectors = static_cast<unsigned char>(image[kSetupSectors]);
  const size_t setup = ((sectors != 0 ? sectors : 4U) + 1U) * 512U;
  const size_t start = setup + DoubleWord(image, kPayloadOffset);
  const size_t length = DoubleWord(image, kPayloadLength);
  if (start > image.size() || length > image.size() - start) return {};
  const std::string_view payload = image.substr(start, length);
  // The unpacked size follows every kind but gzip, which has it inside (scripts/Makefile.lib).
  const bool gzip = payload.starts_with("\x1f\x8b");
  return gzip || length < 4 ? payload : payload.substr(0, length - 4);
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The numbers in a release: {6, 12, 117, 12} of "6.12.117+deb12-cloud-amd64".
std::vector<unsigned> Numbers(std::string_view release) {
  std::vector<unsigned> numbers;  // unsigned: the '-' in "6.1.0-56" is no sign
  const char* at = release.data();
  const char* end = at + release.size();
  while (at != end) {
    unsigned number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error == std::errc()) numbers.push_back(number);
    at = error == std::errc() ? next : at + 1;
  }
  return numbers;
}

bool Newer(const std::string& a, const std::string& b) {
  const auto left = Numbers(a);
  const auto right = Numbers(b);
  return left != right ? left > right : a > b;
}

std::string CachedImage(const std::string& cache, const std::string& release) {
  return fmt::format("{}/kernels/{}/boot/vmlinuz-{}", cache, release, release);
}

// Does a short name stand for a release? "6.1" does for 6.1.0-56 and not for 6.12.
bool StandsFor(std::string_view name, std::string_view release) {
  if (!release.starts_with(name)) return false;
  if (release.size() == name.size()) return true;
  const char next = release[name.size()];
  return next < '0' || next > '9';
}

Error WithRemedy(Error error) {
  return WithHint(std::move(error),
                  "name a bzImage of your own with --kernel PATH, or fetch "
                  "Debian's with scripts/fetch-kernels");
}

// The start of a file, as much as the header takes.
Result<std::string> ReadSetup(const std::string& path) {
  const Fd file = TRY(OpenAt(AT_FDCWD, path, O_RDONLY));
  std::string bytes(kSetupSize, '\0');
  const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return FailErrno(errno, fmt::format("read {}", path));
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

Result<KernelImage> Load(const std::string& path) {
  KernelImage image;
  image.path = path;
  auto setup = ReadSetup(path);
  if (!setup) {
    setup.error().message = fmt::format("kernel: {}", setup.error().message);
    return std::unexpected(WithRemedy(setup.error()));
  }
  auto release = ReadKernelRelease(*setup, path);
  if (!release) return std::unexpected(WithRemedy(release.error()));
  image.release = *release;
  const auto numbers = Numbers(image.release);
  if (!numbers.empty()) image.major = static_cast<int>(numbers[0]);
  if (numbers.size() > 1) image.minor = static_cast<int>(numbers[1]);
  const fs::path modules =
      fs::absolute(path).parent_path().parent_path() / "lib/modules" / image.release;
  std::error_code ignored;
  if (fs::is_directory(modules, ignored)) image.modules_directory = modules.string();
  return image;
}

}  // namespace

Result<std::string> CacheDirectory() {
  if (const std::string cache = Environment("NODEPROOF_CACHE"); !cache.empty()) return cache;
  if (const std::string cache = Environment("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/nodeproof";
  }
  if (const std::string home = Environment("HOME"); !home.empty()) {
    return home + "/.cache/nodeproof";
  }
  return std::unexpected(Error{"no cache folder: HOME is not set", "set NODEPROOF_CACHE", 0});
}

Result<std::string> ReadKernelRelease(std::string_view bytes, const std::string& name) {
  if (bytes.size() < kHeaderEnd || Word(bytes, kBootFlag) != 0xaa55 ||
      bytes.substr(kMagic, 4) != "HdrS") {
    return Fail("{} is not a bzImage", name);
  }
  if (Word(bytes, kProtocol) < kProtocolWithXload || (Word(bytes, kXloadFlags) & 1) == 0) {
    return Fail("{} is not a 64-bit kernel", name);
  }
  const size_t at = Word(bytes, kVersionText) + 0x200;
  const size_t end = at < bytes.size() ? bytes.find('\0', at) : std::string_view::npos;
  const auto words = end == std::string_view::npos ? std::vector<std::string_view>()
                                                   : Words(bytes.substr(at, end - at));
  if (words.empty()) return Fail("{} does not say its kernel version", name);
  return std::string(words.front());
}

std::vector<std::string> CachedKernels(const std::string& cache) {
  std::vector<std::string> releases;
  const auto names = ListDirectory(AT_FDCWD, cache + "/kernels");
  if (!names) return releases;  // no folder: nothing cached
  for (const std::string& name : *names) {
    std::error_code ignored;
    if (!name.starts_with('.') && fs::exists(CachedImage(cache, name), ignored)) {
      releases.push_back(name);
    }
  }
  std::sort(releases.begin(), releases.end(), Newer);
  return releases;
}

Result<KernelImage> FindKernel(const std::string& kernel, const std::string& cache) {
  std::error_code ignored;
  if (kernel.find('/') != std::string::npos ||
      (!kernel.empty() && fs::is_regular_file(kernel, ignored))) {
    return Load(kernel);
  }
  const std::string name = kernel.empty() ? kDefaultKernel : kernel;
  for (const std::string& release : CachedKernels(cache)) {
    if (StandsFor(name, release)) return Load(CachedImage(cache, release));
  }
  const bool fetchable = name == "6.12" || name == "6.1";
  return std::unexpected(
      Error{fmt::format("no kernel '{}' is cached in {}/kernels", name, cache),
            fetchable ? fmt::format("run scripts/fetch-kernels {}", name)
                      : "name a bzImage with --kernel PATH, or a kernel that scripts/fetch-kernels "
                        "fetches: 6.12 or 6.1",
            0});
}

bool HasPvhEntry(std::string_view elf) {
  constexpr uint32_t kPhys32Entry = 18;  // include/xen/interface/elfnote.h
  Elf64_Ehdr header;
  if (elf.size() < sizeof header || !elf.starts_with(ELFMAG)) return false;
  std::memcpy(&header, elf.data(), sizeof header);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const uint64_t at = header.e_phoff + uint64_t{i} * sizeof segment;
    if (header.e_phoff > elf.size() || elf.size() - sizeof segment < at) return false;
    std::memcpy(&segment, elf.data() + at, sizeof segment);
    if (segment.p_type != PT_NOTE || segment.p_offset > elf.size()) continue;
    std::string_view notes = elf.substr(segment.p_offset, segment.p_filesz);
    Elf64_Nhdr note;
    while (notes.size() >= sizeof note) {
      std::memcpy(&note, notes.data(), sizeof note);
      notes.remove_prefix(sizeof note);
      if (note.n_type == kPhys32Entry && notes.starts_with(std::string_view("Xen\0", 4))) {
        return true;
      }
      const auto padded = [](uint64_t size) { return (size + 3) / 4 * 4; };
      notes.remove_prefix(
          std::min<uint64_t>(notes.size(), padded(note.n_namesz) + padded(note.n_descsz)));
    }
  }
  return false;
}

Result<Fd> UnpackKernel(const std::string& path) {
  const std::string image = TRY(ReadFile(path));
  TRY(ReadKernelRelease(image, path));
  const std::string kernel = TRY(Decompress(Payload(image), path, kMaxKernel));
  if (!HasPvhEntry(kernel)) return Fail("{} has no PVH entry point", path);
  Fd file = TRY(MemoryFile("nodeproof-kernel", /*inherited=*/false));
  TRY(WriteAll(file.get(), kernel, "the unpacked kernel"));
  return file;
}

}  // namespace nodeproof::node
