#include "harness/record/evidence.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "harness/base/file.h"

namespace nodeproof::record {
namespace {

using results::Evidence;

constexpr size_t kLogBytes = size_t{48} << 10;
constexpr size_t kSlabs = 10;
constexpr std::array kGroupFiles = {
    "cgroup.events",   "cpu.stat",      "cpu.pressure",        "memory.current",
    "memory.peak",     "memory.events", "memory.swap.current", "memory.stat",
    "memory.pressure", "io.stat",       "io.pressure",         "pids.current",
    "pids.peak",       "pids.events",
};

std::map<std::string, int64_t> ReadVmstat(const std::string& proc) {
  std::map<std::string, int64_t> counters;
  const auto text = ReadFile(proc + "/vmstat");
  if (!text) return counters;
  for (const std::string_view line : Split(*text, '\n')) {
    const auto words = Words(line);
    if (words.size() != 2) continue;
    if (const auto value = ParseInt(words[1])) counters[std::string(words[0])] = *value;
  }
  return counters;
}

std::string TextOrWhy(const Result<std::string>& text) {
  return text ? *text : text.error().ToString() + "\n";
}

// Opened at its end: what was logged before is not of this arm.
Result<Fd> OpenLog(const std::string& path) {
  Fd log = TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
  if (::lseek(log.get(), 0, SEEK_END) < 0) return FailErrno(errno, "seek to the end of " + path);
  return log;
}

}  // namespace

NodeWatch::NodeWatch(NodeFiles files)
    : files_(std::move(files)),
      vmstat_(ReadVmstat(files_.proc)),
      log_(OpenLog(files_.kernel_log)) {}

std::vector<Evidence> NodeWatch::Gather() {
  std::vector<Evidence> gathered;
  for (const char* resource : {"cpu", "memory", "io"}) {
    const std::string file = fmt::format("{}/pressure/{}", files_.proc, resource);
    gathered.push_back({file, TextOrWhy(ReadFile(file))});
  }
  gathered.push_back({"vmstat, change", VmstatDeltas()});
  const auto slabinfo = ReadFile(files_.proc + "/slabinfo");
  gathered.push_back({"largest slabs", slabinfo ? LargestSlabs(*slabinfo) : TextOrWhy(slabinfo)});
  gathered.push_back({"kernel log", KernelLog()});
  return gathered;
}

std::string NodeWatch::VmstatDeltas() const {
  std::string text;
  for (const auto& [name, value] : ReadVmstat(files_.proc)) {
    const auto before = vmstat_.find(name);
    const int64_t change = value - (before == vmstat_.end() ? 0 : before->second);
    if (change != 0) text += fmt::format("{} {:+}\n", name, change);
  }
  return text;
}

std::string NodeWatch::KernelLog() {
  if (!log_) return log_.error().ToString() + "\n";
  std::string text;
  std::array<char, 8192> record;  // the kernel gives one record a read, and none is longer
  while (text.size() < kLogBytes) {
    const ssize_t got = ::read(log_->get(), record.data(), record.size());
    if (got < 0 && (errno == EPIPE || errno == EINTR)) continue;  // some were overwritten
    if (got <= 0) break;
    text += FormatLogRecord({record.data(), static_cast<size_t>(got)});
  }
  return text;
}

Evidence GatherGroup(const std::string& path, const cgroup::Cgroup& group) {
  Evidence evidence{"cgroup " + path, ""};
  for (const char* file : kGroupFiles) {
    const auto text = group.Read(file);
    if (!text) continue;
    const std::string_view value = Trim(*text);
    const bool one_line = !value.contains('\n');
    evidence.text += fmt::format("{}:{}{}\n", file, one_line ? " " : "\n", value);
  }
  return evidence;
}

std::string LargestSlabs(std::string_view slabinfo) {
  struct Slab {
    std::string_view name;
    int64_t objects;
    int64_t bytes;
  };
  std::vector<Slab> slabs;
  for (const std::string_view line : Split(slabinfo, '\n')) {
    // name <active_objs> <num_objs> <objsize> …; the two lines of the head have no numbers there.
    const auto words = Words(line);
    if (words.size() < 4) continue;
    const auto objects = ParseInt(words[2]);
    const auto size = ParseInt(words[3]);
    if (objects && size) slabs.push_back({words[0], *objects, *objects * *size});
  }
  std::ranges::stable_sort(slabs, std::ranges::greater{}, &Slab::bytes);
  slabs.resize(std::min(slabs.size(), kSlabs));
  std::string text;
  for (const Slab& slab : slabs) {
    text += fmt::format("{} {} objects {} bytes\n", slab.name, slab.objects, slab.bytes);
  }
  return text;
}

std::string FormatLogRecord(std::string_view record) {
  const size_t semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return "";
  const auto head = Split(record.substr(0, semicolon), ',');
  std::string_view text = record.substr(semicolon + 1);
  text = text.substr(0, text.find('\n'));
  const auto usec = head.size() > 2 ? ParseInt(head[2]) : Result<int64_t>(0);
  return fmt::format("[{:12.6f}] {}\n", static_cast<double>(usec.value_or(0)) / 1e6, text);
}

}  // namespace nodeproof::record
