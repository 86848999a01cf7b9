// Kernel modules for a guest, with everything they depend on, ready to load in order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/node/kernel_image.h"

namespace nodeproof::node {

struct KernelModule {
  std::string name;        // "zram", with '_' for '-'
  std::string guest_path;  // "/modules/zram.ko"
  std::string content;     // decompressed
};

// The modules that `wanted` names, each after those it depends on. A name with a '/' or ending in
// ".ko" is a module file of the user; any other is a module of the kernel, looked up in its
// modules_directory (.ko, .ko.xz, .ko.zst, .ko.gz). Dependencies are the module's own "depends"
// (what modpost wrote into it); those built into the kernel need no file.
// Errors: no such file or module; a file that is no module; a module built for another kernel
// (its vermagic names it); a dependency that is nowhere.
Result<std::vector<KernelModule>> ResolveModules(const std::vector<std::string>& wanted,
                                                 const KernelImage& kernel);

// A value of the module's .modinfo section ("depends", "vermagic"), or empty.
std::string ModuleInfo(std::string_view module, std::string_view key);

}  // namespace nodeproof::node
