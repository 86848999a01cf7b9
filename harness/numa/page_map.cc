#include "harness/numa/page_map.h"

#include <numa.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <numeric>
#include <vector>

#include "harness/base/file.h"

namespace nodeproof::numa {
namespace {

// "N12=34" into counts; false for any other word.
Result<bool> TakeWord(std::string_view word, ByNode& counts) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals < 2 || word.front() != 'N') return false;
  const auto node = ParseInt(word.substr(1, equals - 1));
  if (!node) return false;
  counts[static_cast<int>(*node)] = TRY(ParseInt(word.substr(equals + 1)));
  return true;
}

}  // namespace

int64_t Sum(const ByNode& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0},
                         [](int64_t sum, const auto& entry) { return sum + entry.second; });
}

int64_t At(const ByNode& counts, int node) {
  const auto at = counts.find(node);
  return at == counts.end() ? 0 : at->second;
}

std::string ToString(const ByNode& counts) {
  std::string text;
  for (const auto& [node, count] : counts) {
    text += fmt::format("{}N{}={}", text.empty() ? "" : " ", node, count);
  }
  return text;
}

Result<ByNode> AskPages(pid_t pid, uint64_t base, int64_t pages) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  std::vector<void*> addresses;
  for (int64_t i = 0; i < pages; ++i) {
    addresses.push_back(reinterpret_cast<void*>(base + static_cast<uint64_t>(i) * page));
  }
  std::vector<int> nodes(addresses.size(), -1);
  if (::numa_move_pages(pid, addresses.size(), addresses.data(), nullptr, nodes.data(), 0) < 0) {
    if (errno == ENOSYS) {
      return std::unexpected(
          Error{"the kernel has no move_pages(2) (CONFIG_MIGRATION)", "", ENOSYS, true});
    }
    return FailErrno(errno, fmt::format("ask where the pages of process {} are", pid));
  }
  ByNode counts;
  for (const int node : nodes) {
    if (node >= 0) ++counts[node];
  }
  return counts;
}

Result<ByNode> ParseNumaMaps(std::string_view text, uint64_t base) {
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.empty()) continue;
    uint64_t begin = 0;
    const std::string_view first = words.front();
    const auto parsed = std::from_chars(first.data(), first.data() + first.size(), begin, 16);
    if (parsed.ec != std::errc() || begin != base) continue;
    ByNode counts;
    for (const std::string_view word : words) TRY(TakeWord(word, counts));
    return counts;
  }
  return Fail("no mapping begins at {:x}", base);
}

Result<ByNode> ReadNumaMaps(pid_t pid, uint64_t base) {
  const std::string path = fmt::format("/proc/{}/numa_maps", pid);
  auto text = ReadFile(path);
  if (!text && text.error().code == ENOENT) {
    return std::unexpected(
        Error{fmt::format("there is no {} (CONFIG_NUMA)", path), "", ENOENT, true});
  }
  auto counts = ParseNumaMaps(TRY(std::move(text)), base);
  if (!counts) return Fail("{}: {}", path, counts.error().message);
  return counts;
}

Result<ByNode> ParseNumaStat(std::string_view text, std::string_view key) {
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.empty() || words.front() != key) continue;
    ByNode counts;
    for (size_t i = 1; i < words.size(); ++i) {
      if (!TRY(TakeWord(words[i], counts))) return Fail("'{}' is not N<node>=BYTES", words[i]);
    }
    return counts;
  }
  return Fail("there is no line {}", key);
}

Result<ByNode> ReadNumaStat(const cgroup::Cgroup& group, std::string_view key) {
  if (!group.Has("memory.numa_stat")) {
    return std::unexpected(
        Error{"the kernel has no memory.numa_stat (CONFIG_NUMA, 5.10)", "", ENOENT, true});
  }
  auto counts = ParseNumaStat(TRY(group.Read("memory.numa_stat")), key);
  if (!counts) return Fail("{}/memory.numa_stat: {}", group.path(), counts.error().message);
  return counts;
}

}  // namespace nodeproof::numa
