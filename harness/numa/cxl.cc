#include "harness/numa/cxl.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "harness/base/file.h"
#include "harness/base/units.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::numa {
namespace {

// A step takes the kernel milliseconds; a busy machine's virtual CPU may stand still for seconds.
constexpr Seconds kPatience{20};
constexpr Milliseconds kBetweenLooks{50};

constexpr std::string_view kMemoryDeviceClass = "0x0502";  // PCI code and ID assignment: CXL memory
// What hotplugged memory is made of is at least this large on x86-64.
constexpr std::string_view kAlignment = "2097152";

// The region, the namespace and its memory device each want a name of their own; one boot has one.
constexpr std::string_view kRegionUuid = "2f3b8d50-6c1e-4d0f-9a53-0c1d5a7e9b01";
constexpr std::string_view kNamespaceUuid = "2f3b8d50-6c1e-4d0f-9a53-0c1d5a7e9b02";
constexpr std::string_view kMemoryUuid = "2f3b8d50-6c1e-4d0f-9a53-0c1d5a7e9b03";

// Files below /sys that come into being while the kernel sets devices up.
class Sysfs {
 public:
  Sysfs(const Clock& clock, const std::string& root) : clock_(clock), root_(root) {}

  // What `look` finds, which may take a while; `unsupported` with `missing` when it does not come.
  Result<std::string> Await(const std::function<std::string()>& look,
                            const std::string& missing) const {
    const Nanoseconds deadline = clock_.Now() + std::chrono::duration_cast<Nanoseconds>(kPatience);
    for (;;) {
      if (std::string found = look(); !found.empty()) return found;
      if (clock_.Now() >= deadline) return std::unexpected(Error{missing, "", ENOENT, true});
      clock_.WaitUntil(clock_.Now() + kBetweenLooks);
    }
  }

  // The text of a file, without white space at its ends; "" for none.
  std::string TextOf(const std::string& path) const {
    const auto text = ReadFile(root_ + path);
    return text ? std::string(Trim(*text)) : "";
  }
  std::vector<std::string> NamesIn(const std::string& path) const {
    return ListDirectory(AT_FDCWD, root_ + path).value_or(std::vector<std::string>());
  }

  // A text that is not empty.
  Result<std::string> Read(const std::string& path, std::string_view module) const {
    return Await([&] { return TextOf(path); }, Missing(path, module));
  }
  Status Write(const std::string& path, std::string_view value, std::string_view module) const {
    const std::string file = root_ + path;
    TRY(Await([&] { return std::string(::access(file.c_str(), F_OK) == 0 ? "there" : ""); },
              Missing(path, module)));
    // With a line end, as a shell writes it: a region's uuid is refused without.
    if (auto written = WriteFileAt(AT_FDCWD, file, fmt::format("{}\n", value)); !written) {
      return std::unexpected(Error{fmt::format("{} (value {})", written.error().message, value), "",
                                   written.error().code});
    }
    return {};
  }

 private:
  std::string Missing(const std::string& path, std::string_view module) const {
    return fmt::format("the kernel made no {}{} (module {})", root_, path, module);
  }

  const Clock& clock_;
  std::string root_;
};

bool HasMemoryDevice(const Sysfs& sysfs) {
  const std::string bus = "/bus/pci/devices/";
  return std::ranges::any_of(sysfs.NamesIn(bus), [&](const std::string& name) {
    return sysfs.TextOf(bus + name + "/class").starts_with(kMemoryDeviceClass);
  });
}

// The first device of the CXL bus that is of the kind, once there is one.
Result<std::string> AwaitCxlDevice(const Sysfs& sysfs, std::string_view kind,
                                   std::string_view module) {
  const std::string bus = "/bus/cxl/devices/";
  return sysfs.Await(
      [&]() -> std::string {
        for (const std::string& name : sysfs.NamesIn(bus)) {
          if (sysfs.TextOf(bus + name + "/devtype") == kind) return bus + name;
        }
        return "";
      },
      fmt::format("/sys/bus/cxl/devices has no {} (module {})", kind, module));
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// One region over all of the device; returns its size.
Result<std::string> MakeRegion(const Sysfs& sysfs) {
  const std::string root = TRY(AwaitCxlDevice(sysfs, "cxl_decoder_root", "cxl_acpi"));
  const std::string size = TRY(sysfs.Read("/bus/cxl/devices/mem0/pmem/size", "cxl_pci"));
  const std::string decoder = TRY(AwaitCxlDevice(sysfs, "cxl_decoder_endpoint", "cxl_mem"));
  const std::string create = root + "/create_pmem_region";
  const std::string name = TRY(sysfs.Read(create, "cxl_acpi"));
  const std::string region = "/bus/cxl/devices/" + name;
  const std::string granularity = TRY(sysfs.Read(root + "/interleave_granularity", "cxl_acpi"));
  const std::pair<std::string, std::string_view> steps[] = {
      {create, name},
      {region + "/interleave_granularity", granularity},
      {region + "/interleave_ways", "1"},
      {region + "/uuid", kRegionUuid},
      {region + "/size", size},
      {decoder + "/mode", "pmem"},
      {decoder + "/dpa_size", size}};
  for (const auto& [file, value] : steps) TRY(sysfs.Write(file, value, "cxl_acpi"));
  TRY(sysfs.Write(region + "/target0", NameOf(decoder), "cxl_mem"));
  TRY(sysfs.Write(region + "/commit", "1", "cxl_mem"));
  TRY(sysfs.Write("/bus/cxl/drivers/cxl_region/bind", name, "cxl_core"));
  return size;
}

// A namespace of `size` and the device of memory over it.
Status MakeMemoryDevice(const Sysfs& sysfs, const std::string& size) {
  const std::string bus = "/bus/nd/devices/";
  const auto seed = [&](const std::string& file) {
    return sysfs.Await(
        [&]() -> std::string {
          for (const std::string& name : sysfs.NamesIn(bus)) {
            if (std::string text = sysfs.TextOf(bus + name + "/" + file); !text.empty()) {
              return text;
            }
          }
          return "";
        },
        fmt::format("/sys/bus/nd/devices has no region with a {} (module cxl_pmem)", file));
  };
  const std::string part = TRY(seed("namespace_seed"));
  const std::string memory = TRY(seed("dax_seed"));
  const std::pair<std::string, std::string_view> steps[] = {
      {bus + part + "/uuid", kNamespaceUuid},
      {bus + part + "/size", size},
      {bus + memory + "/uuid", kMemoryUuid},
      {bus + memory + "/mode", "ram"},  // its page structures do not go into the device
      {bus + memory + "/align", kAlignment},
      {bus + memory + "/namespace", part}};
  for (const auto& [file, value] : steps) TRY(sysfs.Write(file, value, "libnvdimm"));
  return sysfs.Write("/bus/nd/drivers/dax_pmem/bind", memory, "dax_pmem");
}

// Hands the memory to the kernel; returns its NUMA node.
Result<int> PutOnline(const Sysfs& sysfs) {
  const std::string bus = "/bus/dax/devices/";
  const std::string name = TRY(sysfs.Await(
      [&]() -> std::string {
        const auto names = sysfs.NamesIn(bus);
        return names.empty() ? "" : names.front();
      },
      "/sys/bus/dax/devices is empty (module dax_pmem)"));
  TRY(sysfs.Write("/bus/dax/drivers/kmem/new_id", name, "kmem"));
  const std::string target = TRY(sysfs.Read(bus + name + "/target_node", "dax_pmem"));
  const auto node = ParseInt(target);
  if (!node || *node < 0)
    return Fail("/sys{}{}/target_node is {}, no NUMA node", bus, name, target);
  TRY(sysfs.Await(
      [&]() -> std::string {
        const auto nodes = CpuSet::Parse(sysfs.TextOf("/devices/system/node/has_memory"));
        return nodes && nodes->Contains(static_cast<int>(*node)) ? "online" : "";
      },
      fmt::format("/sys/devices/system/node/has_memory stays without node {} "
                  "(memhp_default_state=online_movable)",
                  *node)));
  return static_cast<int>(*node);
}

}  // namespace

Result<std::optional<int>> OnlineCxlMemory(const Clock& clock, const std::string& sysfs) {
  const Sysfs files(clock, sysfs);
  if (!HasMemoryDevice(files)) return std::nullopt;
  const std::string size = TRY(MakeRegion(files));
  TRY(MakeMemoryDevice(files, size));
  return TRY(PutOnline(files));
}

}  // namespace nodeproof::numa
