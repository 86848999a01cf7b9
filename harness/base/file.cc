#include "harness/base/file.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "harness/base/units.h"

namespace nodeproof {
namespace {

template <typename Int>
Result<Int> ParseNumber(std::string_view text) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return Fail("number '{}' is out of range", text);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Fail("'{}' is not a number", text);
  }
  return value;
}

// Against /dev/zero and the like.
constexpr int64_t kMostRead = int64_t{1} << 30;

// What is left in a pipe or another file without positions.
Result<std::string> ReadStream(int fd, const std::string& name) {
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(errno, fmt::format("read {}", name));
    if (got == 0) return content;
    if (std::ssize(content) > kMostRead) {
      return Fail("{} is larger than {}", name, FormatBytes(Bytes{kMostRead}));
    }
    content.append(buffer, static_cast<size_t>(got));
  }
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

Result<Fd> OpenAt(int dir_fd, const std::string& path, int flags, mode_t mode) {
  const int fd = ::openat(dir_fd, path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return FailErrno(errno, fmt::format("open {}", path));
  return Fd(fd);
}

Result<std::string> ReadAll(int fd, const std::string& name) {
  std::string content;
  char buffer[16384];
  off_t offset = 0;
  for (;;) {
    const ssize_t got = ::pread(fd, buffer, sizeof buffer, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ESPIPE) return ReadStream(fd, name);
    if (got < 0) return FailErrno(errno, fmt::format("read {}", name));
    if (got == 0) return content;
    if (std::ssize(content) > kMostRead)
      return Fail("{} is larger than {}", name, FormatBytes(Bytes{kMostRead}));
    content.append(buffer, static_cast<size_t>(got));
    offset += got;
  }
}

Result<std::string> ReadFileAt(int dir_fd, const std::string& path) {
  const Fd fd = TRY(OpenAt(dir_fd, path, O_RDONLY));
  return ReadAll(fd.get(), path);
}

Status WriteFileAt(int dir_fd, const std::string& path, std::string_view text) {
  const Fd fd = TRY(OpenAt(dir_fd, path, O_WRONLY));
  const ssize_t put = ::write(fd.get(), text.data(), text.size());
  if (put < 0) return FailErrno(errno, fmt::format("write '{}' to {}", Trim(text), path));
  if (static_cast<size_t>(put) != text.size()) return Fail("short write to {}", path);
  return {};
}

Status WriteAll(int fd, std::string_view data, const std::string& name) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return FailErrno(errno, fmt::format("write {}", name));
    data.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

std::filesystem::path PartialPath(const std::filesystem::path& path) {
  return std::filesystem::path(path).concat(".partial");
}

std::string ParentPath(std::string_view path) {
  const size_t end = path.rfind('/');
  return end == std::string_view::npos ? std::string() : std::string(path.substr(0, end));
}

Status WriteFileAtomic(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path partial = PartialPath(path);
  {
    const Fd fd = TRY(OpenAt(AT_FDCWD, partial.string(), O_WRONLY | O_CREAT | O_TRUNC));
    if (auto written = WriteAll(fd.get(), text, partial.string()); !written) {
      ::unlink(partial.c_str());
      return written;
    }
  }
  if (::rename(partial.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(partial.c_str());
    return FailErrno(code, fmt::format("rename {} to {}", partial.string(), path.string()));
  }
  return {};
}

Result<Fd> MemoryFile(const std::string& name, bool inherited) {
  const int fd = ::memfd_create(name.c_str(), inherited ? 0 : MFD_CLOEXEC);
  if (fd < 0) return FailErrno(errno, fmt::format("memfd_create {}", name));
  return Fd(fd);
}

Result<std::vector<std::string>> ListDirectory(int dir_fd, const std::string& path) {
  Fd fd = TRY(OpenAt(dir_fd, path, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd.get()), &::closedir);
  if (!directory) return FailErrno(errno, fmt::format("list {}", path));
  fd.Release();  // closedir closes it
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && IsSpace(text[at])) ++at;
    const size_t start = at;
    while (at < text.size() && !IsSpace(text[at])) ++at;
    if (at > start) words.push_back(text.substr(start, at - start));
  }
  return words;
}

Result<int64_t> ParseInt(std::string_view text) { return ParseNumber<int64_t>(text); }
Result<uint64_t> ParseUint(std::string_view text) { return ParseNumber<uint64_t>(text); }

}  // namespace nodeproof
