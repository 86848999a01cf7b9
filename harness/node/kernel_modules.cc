#include "harness/node/kernel_modules.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "harness/base/file.h"
#include "harness/node/decompress.h"

namespace nodeproof::node {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxModule = 512U << 20;

// A module's name from a file's: "kernel/fs/nls-utf8.ko.xz" is nls_utf8. Empty if it is none.
std::string ModuleName(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  const size_t end = name.find(".ko");
  if (end == std::string::npos) return "";
  name.resize(end);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string Canonical(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// The .modinfo section: "key=value" texts, each ended by a NUL.
std::string_view ModinfoSection(std::string_view module) {
  Elf64_Ehdr header;
  if (module.size() < sizeof header || module.substr(0, SELFMAG) != ELFMAG) return {};
  std::memcpy(&header, module.data(), sizeof header);
  const auto section_at = [&](unsigned index, Elf64_Shdr& section) {
    const uint64_t at = header.e_shoff + uint64_t{index} * sizeof section;
    if (header.e_shoff > module.size() || at > module.size() ||
        module.size() - at < sizeof section) {
      return false;
    }
    std::memcpy(&section, module.data() + at, sizeof section);
    return section.sh_type == SHT_NOBITS || (section.sh_offset <= module.size() &&
                                             section.sh_size <= module.size() - section.sh_offset);
  };
  Elf64_Shdr names;
  if (!section_at(header.e_shstrndx, names)) return {};
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    if (!section_at(i, section) || section.sh_name >= names.sh_size) continue;
    const std::string_view name = module.substr(names.sh_offset + section.sh_name);
    if (name.starts_with(std::string_view(".modinfo\0", 9)) && section.sh_type != SHT_NOBITS) {
      return module.substr(section.sh_offset, section.sh_size);
    }
  }
  return {};
}

// The modules of one kernel: where each is, and which are built in.
class ModuleTree {
 public:
  explicit ModuleTree(std::string directory) : directory_(std::move(directory)) {
    if (directory_.empty()) return;
    std::error_code error;
    for (fs::recursive_directory_iterator at(directory_, error), end; !error && at != end;
         at.increment(error)) {
      const std::string name = ModuleName(at->path().string());
      if (!name.empty()) paths_.try_emplace(name, at->path().string());
    }
    const auto builtin = ReadFile(directory_ + "/modules.builtin");
    if (!builtin) return;
    for (const std::string_view line : Split(*builtin, '\n')) {
      builtin_.insert(ModuleName(std::string(line)));
    }
  }

  const std::string* Find(const std::string& name) const {
    const auto found = paths_.find(name);
    return found != paths_.end() ? &found->second : nullptr;
  }
  bool BuiltIn(const std::string& name) const { return builtin_.contains(name); }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  std::map<std::string, std::string> paths_;
  std::set<std::string> builtin_;
};

class Resolver {
 public:
  explicit Resolver(const KernelImage& kernel) : kernel_(kernel), tree_(kernel.modules_directory) {}

  Status AddFile(const std::string& path) { return Load(path, ModuleName(path), 0); }

  // `by` is the module that needs it, empty when the user named it.
  Status AddNamed(const std::string& name, const std::string& by, int depth) {
    if (tree_.BuiltIn(name)) return {};
    const std::string* path = tree_.Find(name);
    if (path != nullptr) return Load(*path, name, depth);
    const std::string where = tree_.directory().empty()
                                  ? fmt::format("kernel {} has no lib/modules/{} beside it",
                                                kernel_.path, kernel_.release)
                                  : fmt::format("{} does not have it", tree_.directory());
    return std::unexpected(Error{
        by.empty()
            ? fmt::format("no kernel module '{}': {}", name, where)
            : fmt::format("kernel module {}, which {} needs, is missing: {}", name, by, where),
        "name a module of this kernel, or a .ko file by its path", 0});
  }

  std::vector<KernelModule> Take() { return std::move(modules_); }

 private:
  Status Load(const std::string& path, const std::string& name, int depth) {
    if (!seen_.insert(name).second) return {};
    std::string content = TRY(Decompress(TRY(ReadFile(path)), path, kMaxModule));
    const std::string vermagic = ModuleInfo(content, "vermagic");
    if (vermagic.empty()) return Fail("{} is not a kernel module", path);
    const std::string built_for = vermagic.substr(0, vermagic.find(' '));
    if (built_for != kernel_.release) {
      return std::unexpected(
          Error{fmt::format("{} is built for kernel {}, the guest runs {}", path, built_for,
                            kernel_.release),
                "build it against the guest's kernel, or choose --kernel to match", 0});
    }
    if (depth > kMaxDepth) return Fail("{}: dependencies nested too deep", path);
    const std::string depends = ModuleInfo(content, "depends");
    for (const std::string_view needed : Split(depends, ',')) {
      TRY(AddNamed(Canonical(std::string(needed)), path, depth + 1));
    }
    modules_.push_back({name, "/modules/" + name + ".ko", std::move(content)});
    return {};
  }

  static constexpr int kMaxDepth = 64;

  const KernelImage& kernel_;
  ModuleTree tree_;
  std::set<std::string> seen_;
  std::vector<KernelModule> modules_;
};

}  // namespace

std::string ModuleInfo(std::string_view module, std::string_view key) {
  std::string_view section = ModinfoSection(module);
  while (!section.empty()) {
    const std::string_view entry = section.substr(0, section.find('\0'));
    if (entry.size() > key.size() && entry.starts_with(key) && entry[key.size()] == '=') {
      return std::string(entry.substr(key.size() + 1));
    }
    section.remove_prefix(std::min(section.size(), entry.size() + 1));
  }
  return "";
}

Result<std::vector<KernelModule>> ResolveModules(const std::vector<std::string>& wanted,
                                                 const KernelImage& kernel) {
  if (wanted.empty()) return std::vector<KernelModule>();
  Resolver resolver(kernel);
  for (const std::string& name : wanted) {
    if (name.find('/') != std::string::npos || name.ends_with(".ko")) {
      if (ModuleName(name).empty()) return Fail("{} is not a kernel module (.ko)", name);
      TRY(resolver.AddFile(name));
    } else {
      TRY(resolver.AddNamed(Canonical(name), "", 0));
    }
  }
  return resolver.Take();
}

}  // namespace nodeproof::node
