#include "cli/catalog.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "cli/paths.h"
#include "harness/base/glob.h"
#include "harness/node/child_process.h"

namespace nodeproof::cli {
namespace {

// Everything that a program prints, and its success.
Result<std::string> OutputOf(const std::vector<std::string>& argv) {
  node::Pipe pipe = TRY(node::MakePipe());
  node::ChildProcess child =
      TRY(node::ChildProcess::Spawn({.argv = argv, .inherited = {}, .output = pipe.write.get()}));
  pipe.write.Close();
  std::string output;
  char buffer[65536];
  for (;;) {
    pollfd readable{pipe.read.get(), POLLIN, 0};
    (void)::poll(&readable, 1, -1);
    const ssize_t got = ::read(pipe.read.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) break;
    output.append(buffer, static_cast<size_t>(got));
  }
  if (const int status = child.Wait(); status != 0) {
    return Fail("{} {}", argv.front(), node::DescribeStatus(status));
  }
  return output;
}

Result<CatalogEntry> ParseEntry(const Json& json) {
  CatalogEntry entry;
  const auto text = [&](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
  };
  if (!json.is_object() || text("id").empty()) return Fail("the agent's list has no claim id");
  entry.id = text("id");
  entry.statement = text("statement");
  entry.source = text("source");
  entry.budget_s = json.value("budget_s", 0.0);
  entry.needs_cgroups = json.value("/needs/cgroups"_json_pointer, true);
  entry.needs_scratch = json.value("/needs/scratch"_json_pointer, false);
  const auto number = [&](const char* name, int64_t otherwise) {
    return json.value(Json::json_pointer(std::string("/needs/") + name), otherwise);
  };
  entry.needs_layout = {.cpus = static_cast<int>(number("cpus", 1)),
                        .threads = static_cast<int>(number("threads", 1)),
                        .numa_nodes = static_cast<int>(number("numa_nodes", 1)),
                        .last_level_caches = static_cast<int>(number("last_level_caches", 1)),
                        .cpus_per_numa_node = static_cast<int>(number("cpus_per_numa_node", 1)),
                        .memory_only_nodes = static_cast<int>(number("memory_only_nodes", 0)),
                        .cxl_nodes = static_cast<int>(number("cxl_nodes", 0))};
  entry.needs_memory = Bytes{number("memory_bytes", 0)};
  entry.json = json;
  return entry;
}

}  // namespace

Result<Catalog> Catalog::Load() {
  const auto agent = TRY(AgentPath());
  return Parse(TRY(OutputOf({agent.string(), "list"})));
}

Result<Catalog> Catalog::LoadBenchmarks() {
  const auto agent = TRY(AgentPath());
  return Parse(TRY(OutputOf({agent.string(), "list", "--benchmarks"})), /*benchmarks=*/true);
}

Result<Catalog> Catalog::Parse(std::string_view text, bool benchmarks) {
  const Json json = TRY(ParseJson(text, "the agent's list of claims"));
  if (!json.is_array()) return Fail("the agent's list of claims is not an array");
  Catalog catalog;
  catalog.benchmarks_ = benchmarks;
  for (const Json& claim : json) {
    catalog.entries_.push_back(TRY(ParseEntry(claim)));
    catalog.entries_.back().benchmark = benchmarks;
  }
  return catalog;
}

const CatalogEntry* Catalog::Find(std::string_view id) const {
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [id](const CatalogEntry& entry) { return entry.id == id; });
  return at == entries_.end() ? nullptr : &*at;
}

Result<std::vector<const CatalogEntry*>> Catalog::Select(
    const std::vector<std::string>& globs) const {
  std::vector<bool> wanted(entries_.size(), globs.empty());
  for (const std::string& glob : globs) {
    bool matched = false;
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (!GlobMatch(glob, entries_[i].id)) continue;
      wanted[i] = true;
      matched = true;
    }
    if (matched) continue;
    const auto nearest = std::min_element(
        entries_.begin(), entries_.end(), [&](const CatalogEntry& a, const CatalogEntry& b) {
          return EditDistance(glob, a.id) < EditDistance(glob, b.id);
        });
    Error error{fmt::format("no {} matches '{}'", benchmarks_ ? "benchmark" : "claim", glob),
                fmt::format("`nodeproof {}` shows them all", benchmarks_ ? "bench --list" : "list"),
                0};
    if (nearest != entries_.end() && EditDistance(glob, nearest->id) <= 4) {
      error.hint = fmt::format("did you mean {}?", nearest->id);
    }
    return std::unexpected(std::move(error));
  }
  std::vector<const CatalogEntry*> selected;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (wanted[i]) selected.push_back(&entries_[i]);
  }
  return selected;
}

std::string NeedsText(const Json& claim) {
  std::string text;
  const auto add = [&](const std::string& need) { text += (text.empty() ? "" : "; ") + need; };
  const auto needed = [&](const char* field, auto otherwise) {
    return claim.value(Json::json_pointer(std::string("/needs/") + field), otherwise);
  };
  std::string controllers;
  for (const Json& each : needed("controllers", Json::array())) {
    controllers += (controllers.empty() ? "" : ", ") + each.get<std::string>();
  }
  if (!controllers.empty()) {
    add((controllers.contains(',') ? "controllers " : "controller ") + controllers);
  }
  constexpr std::pair<const char*, const char*> kNumbers[] = {
      {"cpus", "CPUs"},
      {"threads", "hardware threads in each core"},
      {"numa_nodes", "NUMA nodes with CPUs"},
      {"cpus_per_numa_node", "CPUs in each NUMA node"},
      {"last_level_caches", "last-level caches"}};
  for (const auto& [field, what] : kNumbers) {
    const int64_t number = needed(field, int64_t{1});
    if (number > 1) add(fmt::format("{} {}", number, what));
  }
  const int64_t far_nodes = needed("memory_only_nodes", int64_t{0});
  if (far_nodes > 0) {
    add(fmt::format("{} NUMA node{} without CPUs{}", far_nodes, far_nodes == 1 ? "" : "s",
                    needed("cxl_nodes", int64_t{0}) > 0 ? ", of CXL memory" : ""));
  }
  const Bytes memory{needed("memory_bytes", int64_t{0})};
  if (memory.value > 0) add(FormatBytes(memory) + " of free memory");
  if (needed("scratch", false)) add("a file system on a disk, to write on");
  const auto whole = needed("why_whole_node", std::string());
  if (!whole.empty()) add(fmt::format("a VM ({})", whole));
  return text;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace nodeproof::cli
