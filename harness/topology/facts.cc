#include "harness/topology/facts.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "harness/base/file.h"
#include "harness/base/mounts.h"
#include "harness/topology/hypervisor.h"
#include "harness/topology/topology.h"

namespace nodeproof {
namespace {

constexpr std::array kRelevantConfig = {
    "CONFIG_HZ",
    "CONFIG_PREEMPT",
    "CONFIG_PREEMPT_DYNAMIC",
    "CONFIG_PREEMPT_VOLUNTARY",
    "CONFIG_NO_HZ_FULL",
    "CONFIG_FAIR_GROUP_SCHED",
    "CONFIG_CFS_BANDWIDTH",
    "CONFIG_RT_GROUP_SCHED",
    "CONFIG_SCHED_CLASS_EXT",
    "CONFIG_SCHED_AUTOGROUP",
    "CONFIG_UCLAMP_TASK_GROUP",
    "CONFIG_PSI",
    "CONFIG_PSI_DEFAULT_DISABLED",
    "CONFIG_MEMCG",
    "CONFIG_MEMCG_KMEM",
    "CONFIG_LRU_GEN",
    "CONFIG_LRU_GEN_ENABLED",
    "CONFIG_SWAP",
    "CONFIG_ZSWAP",
    "CONFIG_TRANSPARENT_HUGEPAGE",
    "CONFIG_CGROUP_PIDS",
    "CONFIG_CGROUP_HUGETLB",
    "CONFIG_CPUSETS",
    "CONFIG_BLK_CGROUP_IOCOST",
    "CONFIG_BLK_CGROUP_IOLATENCY",
    "CONFIG_IOSCHED_BFQ",
    "CONFIG_NUMA",
    "CONFIG_NUMA_BALANCING",
    "CONFIG_LIVEPATCH",
};

std::optional<std::string> OneLine(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) return std::nullopt;
  return std::string(Trim(*text));
}

// "always [madvise] never" -> "madvise"
std::optional<std::string> Chosen(const std::string& path) {
  const auto text = OneLine(path);
  if (!text) return std::nullopt;
  const size_t open = text->find('[');
  const size_t close = text->find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return text;
  return text->substr(open + 1, close - open - 1);
}

void PutIfKnown(Json& object, const char* key, const std::optional<std::string>& value) {
  if (value && !value->empty()) object[key] = *value;
}

// The value of "key : value" in the first paragraph of /proc/cpuinfo, or of "Key:  N kB" in
// /proc/meminfo.
std::optional<std::string> Field(std::string_view text, std::string_view key) {
  for (const std::string_view line : Split(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && Trim(line.substr(0, colon)) == key) {
      return std::string(Trim(line.substr(colon + 1)));
    }
  }
  return std::nullopt;
}

int64_t KiloBytes(std::string_view meminfo, std::string_view key) {
  const auto field = Field(meminfo, key);
  if (!field) return 0;
  const auto words = Words(*field);
  return words.empty() ? 0 : ParseInt(words[0]).value_or(0);
}

Json KernelFacts(const FactSources& sources) {
  Json kernel = Json::object();
  utsname names{};
  if (::uname(&names) == 0) {
    kernel["release"] = names.release;
    kernel["version"] = names.version;
    kernel["machine"] = names.machine;
    if (const auto config = ReadFile(fmt::format("{}/config-{}", sources.boot, names.release))) {
      kernel["config"] = RelevantKernelConfig(*config);
    }
  }
  PutIfKnown(kernel, "cmdline", OneLine(sources.proc + "/cmdline"));
  return kernel;
}

Json CpuFacts(const FactSources& sources, const Topology& topology) {
  Json cpu = {{"count", topology.cpus.size()}, {"online", topology.Online().ToString()}};
  const std::string cpuinfo = ReadFile(sources.proc + "/cpuinfo").value_or("");
  PutIfKnown(cpu, "model", Field(cpuinfo, "model name"));
  Json places = Json::array();
  for (const CpuPlace& place : topology.cpus) {
    places.push_back({{"cpu", place.cpu},
                      {"core", place.core},
                      {"socket", place.socket},
                      {"node", place.node},
                      {"llc", place.llc}});
  }
  cpu["topology"] = std::move(places);
  return cpu;
}

Json MemoryFacts(const FactSources& sources, const Topology& topology) {
  const std::string meminfo = ReadFile(sources.proc + "/meminfo").value_or("");
  Json memory = {{"total_bytes", KiB(KiloBytes(meminfo, "MemTotal")).value},
                 {"available_bytes", KiB(KiloBytes(meminfo, "MemAvailable")).value},
                 {"swap_bytes", KiB(KiloBytes(meminfo, "SwapTotal")).value},
                 {"page_size", ::sysconf(_SC_PAGESIZE)}};
  Json nodes = Json::array();
  for (const NumaNode& node : topology.nodes) {
    nodes.push_back({{"id", node.id},
                     {"size_bytes", node.memory.value},
                     {"cpus", node.cpus.ToString()},
                     {"distances", node.distances}});
    if (node.cxl) nodes.back()["cxl"] = true;
  }
  memory["nodes"] = std::move(nodes);
  PutIfKnown(memory, "thp", Chosen(sources.sys + "/kernel/mm/transparent_hugepage/enabled"));
  PutIfKnown(memory, "mglru", OneLine(sources.sys + "/kernel/mm/lru_gen/enabled"));
  return memory;
}

// The unified hierarchy's mount.
Json CgroupFacts(const FactSources& sources) {
  const auto mounts = ReadMounts(sources.proc + "/self/mountinfo");
  const Mount* unified = mounts ? FindMount(*mounts, "cgroup2") : nullptr;
  if (unified == nullptr) return Json::object();
  Json controllers = Json::array();
  if (const auto list = ReadFile(unified->point + "/cgroup.controllers")) {
    for (const std::string_view word : Words(*list)) controllers.push_back(word);
  }
  return {{"mount", unified->point},
          {"options", unified->super_options},
          {"controllers", std::move(controllers)}};
}

// Jiffies that a hypervisor took, of all CPUs, since boot (/proc/stat, eighth number).
std::optional<int64_t> StealTicks(const FactSources& sources) {
  const auto stat = ReadFile(sources.proc + "/stat");
  if (!stat) return std::nullopt;
  const auto words = Words(Split(*stat, '\n').front());
  if (words.size() < 9) return std::nullopt;
  const auto ticks = ParseInt(words[8]);
  return ticks ? std::optional(*ticks) : std::nullopt;
}

}  // namespace

Json RelevantKernelConfig(std::string_view config) {
  Json relevant = Json::object();
  for (const std::string_view line : Split(config, '\n')) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, equals);
    for (const std::string_view wanted : kRelevantConfig) {
      if (key == wanted) relevant[std::string(key)] = std::string(Trim(line.substr(equals + 1)));
    }
  }
  return relevant;
}

Result<Json> ReadNodeFacts(std::string_view kind, const FactSources& sources) {
  const Topology topology = TRY(ReadTopology(sources.sys));
  Json facts = {{"kind", kind},
                {"kernel", KernelFacts(sources)},
                {"cpu", CpuFacts(sources, topology)},
                {"memory", MemoryFacts(sources, topology)},
                {"cgroup", CgroupFacts(sources)}};
  PutIfKnown(facts, "sched_ext", OneLine(sources.sys + "/kernel/sched_ext/state"));
  const std::string cpuinfo = ReadFile(sources.proc + "/cpuinfo").value_or("");
  const std::string flags = Field(cpuinfo, "flags").value_or("");
  // The flag may be hidden from a guest (the shape `cxl` does).
  const bool guest = flags.find("hypervisor") != std::string::npos || RunsUnderTcg();
  facts["virtualization"] = guest ? "hypervisor" : "none";
  PutIfKnown(facts, "clocksource",
             OneLine(sources.sys + "/devices/system/clocksource/clocksource0/current_clocksource"));
  if (const auto steal = StealTicks(sources)) facts["steal_ticks"] = *steal;
  return facts;
}

}  // namespace nodeproof
