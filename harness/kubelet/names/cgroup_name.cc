#include "harness/kubelet/names/cgroup_name.h"

#include <algorithm>

namespace nodeproof::kubelet {
namespace {

constexpr std::string_view kSliceSuffix = ".slice";

bool IsRoot(const CgroupName& name) {
  return name.empty() || (name.size() == 1 && name[0].empty());
}

std::string Replace(std::string_view text, char from, char to) {
  std::string result(text);
  std::ranges::replace(result, from, to);
  return result;
}

std::string Join(const CgroupName& parts, char separator) {
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += separator;
    joined += parts[i];
  }
  return joined;
}

CgroupName Split(std::string_view text, char separator) {
  CgroupName parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// The last element of a path as Go's path.Base has it: "." for "", "/" for "///".
std::string_view LastElement(std::string_view path) {
  if (path.empty()) return ".";
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return "/";
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

// A component that stays where it is put: not empty, not "." or "..", no '/'.
Status CheckComponents(const CgroupName& name) {
  for (const std::string& component : name) {
    if (component.empty() || component == "." || component == ".." ||
        component.find('/') != std::string::npos) {
      return std::unexpected(
          WithHint(Error{fmt::format("'{}' is no component of a cgroup's name", component), "", 0},
                   "components must not be empty, '.' or '..', or contain '/'"));
    }
  }
  return {};
}

}  // namespace

Result<CgroupName> AppendName(const CgroupName& base, const CgroupName& components) {
  CgroupName name = base;
  for (const std::string& component : components) {
    if (component.find_first_of("/_") != std::string::npos) {
      return std::unexpected(
          WithHint(Error{fmt::format("invalid cgroup name component '{}'", component), "", 0},
                   "it must not contain '/' or '_'"));
    }
    name.push_back(component);
  }
  return name;
}

Result<std::string> ToSystemd(const CgroupName& name) {
  if (IsRoot(name)) return "/";
  TRY(CheckComponents(name));
  std::string path;
  std::string slice;
  for (const std::string& component : name) {
    // '-' separates slices, so within one it becomes '_'.
    slice += (slice.empty() ? "" : "-") + Replace(component, '-', '_');
    path += "/" + slice + std::string(kSliceSuffix);
  }
  return path;
}

Result<std::string> ToSystemdBasename(const CgroupName& name) {
  const std::string path = TRY(ToSystemd(name));
  return std::string(LastElement(path));
}

std::string ToCgroupfs(const CgroupName& name) { return "/" + Join(name, '/'); }

Result<std::string> ToPath(const CgroupName& name, CgroupDriver driver) {
  if (driver == CgroupDriver::kSystemd) return ToSystemd(name);
  TRY(CheckComponents(name));
  return ToCgroupfs(name);
}

CgroupName ParseSystemd(std::string_view path) {
  std::string_view slice = LastElement(path);
  if (slice.ends_with(kSliceSuffix)) slice.remove_suffix(kSliceSuffix.size());
  CgroupName name = Split(slice, '-');
  for (std::string& component : name) component = Replace(component, '_', '-');
  return name;
}

CgroupName ParseCgroupfs(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.empty()) return {};
  return Split(path, '/');
}

CgroupName NodeAllocatableName(const CgroupName& cgroup_root) {
  CgroupName name = cgroup_root;
  name.emplace_back(kKubepods);
  return name;
}

CgroupName QosName(const CgroupName& node_allocatable, QosClass qos) {
  CgroupName name = node_allocatable;
  if (qos == QosClass::kBurstable) name.emplace_back("burstable");
  if (qos == QosClass::kBestEffort) name.emplace_back("besteffort");
  return name;
}

Result<CgroupName> PodName(const CgroupName& node_allocatable, QosClass qos, std::string_view uid) {
  if (uid.empty()) return Fail("a pod without a uid has no cgroup name");
  return AppendName(QosName(node_allocatable, qos), {"pod" + std::string(uid)});
}

std::string ContainerCgroupName(std::string_view container_id, CgroupDriver driver) {
  if (driver == CgroupDriver::kSystemd) return fmt::format("cri-containerd-{}.scope", container_id);
  return std::string(container_id);
}

}  // namespace nodeproof::kubelet
