// Whole-file reads and writes, relative to a directory fd (AT_FDCWD for the working directory).
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof {

// Opens `path` below `dir_fd` with O_CLOEXEC. Errors carry the errno and name the path.
Result<Fd> OpenAt(int dir_fd, const std::string& path, int flags, mode_t mode = 0644);

// The whole content of a file; works for /proc, /sys and cgroup files, whose size reads as 0.
Result<std::string> ReadFileAt(int dir_fd, const std::string& path);
inline Result<std::string> ReadFile(const std::string& path) { return ReadFileAt(AT_FDCWD, path); }

// The whole content of an open file from its start, or what is left in a pipe; at most 1 GiB.
Result<std::string> ReadAll(int fd, const std::string& name);

// Writes `text` in one write(2), as cgroup files demand. The file must exist.
Status WriteFileAt(int dir_fd, const std::string& path, std::string_view text);

// Writes all of `data` to `fd`, in as many writes as it takes.
Status WriteAll(int fd, std::string_view data, const std::string& name);

// The name under which WriteFileAtomic prepares `path`; a killed run can leave this file behind.
std::filesystem::path PartialPath(const std::filesystem::path& path);

// The path of the directory or group that `path` stands in: "/a" of "/a/b", "" of "/a" and of "a".
std::string ParentPath(std::string_view path);

// Replaces `path` by `text` with a rename, so that a reader sees the old or the new content whole.
Status WriteFileAtomic(const std::filesystem::path& path, std::string_view text);

// An anonymous in-memory file, without O_CLOEXEC when `inherited` (so that a child can open it as
// /proc/self/fd/N). Nothing of it can be left behind.
Result<Fd> MemoryFile(const std::string& name, bool inherited);

// Names in a directory, sorted, without "." and "..".
Result<std::vector<std::string>> ListDirectory(int dir_fd, const std::string& path);

// The text without white space at both ends.
std::string_view Trim(std::string_view text);

// The parts of `text` between `separator`s; an empty text has no part.
std::vector<std::string_view> Split(std::string_view text, char separator);

// The words of `text`, separated by any white space.
std::vector<std::string_view> Words(std::string_view text);

// A decimal number that fills the whole of `text`. Overflow, signs on unsigned types and any other
// character are errors.
Result<int64_t> ParseInt(std::string_view text);
Result<uint64_t> ParseUint(std::string_view text);

}  // namespace nodeproof
