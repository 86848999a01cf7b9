// The kernel that a VM boots: a bzImage named by path, or by the short name of a cached one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof::node {

struct KernelImage {
  std::string path;               // of the bzImage
  std::string release;            // as uname -r says it in the guest
  std::string modules_directory;  // …/lib/modules/<release> beside the image, or empty

  // The numbers that the release starts with: 6 and 12 of "6.12.117+deb12-cloud-amd64".
  int major = 0;
  int minor = 0;
};

// Where kernels and the like are cached: $NODEPROOF_CACHE, $XDG_CACHE_HOME/nodeproof or
// ~/.cache/nodeproof. An Error if none of these variables is set.
Result<std::string> CacheDirectory();

// The release that the bytes of a bzImage name. Errors (with `name`): not a bzImage, no 64-bit
// entry point, no version. Layout: Documentation/arch/x86/boot.rst.
Result<std::string> ReadKernelRelease(std::string_view bytes, const std::string& name);

// Releases in `cache`/kernels that have a boot/vmlinuz-<release>, newest first.
std::vector<std::string> CachedKernels(const std::string& cache);

// The kernel that --kernel names: a path (anything with a '/', or a file that exists), a release
// ("6.12.117+deb12-cloud-amd64") or the start of one ("6.12"; the newest match). Empty is "6.12".
// Errors name the path or the folder searched, and the remedy.
Result<KernelImage> FindKernel(const std::string& kernel, const std::string& cache);

// The kernel proper out of a bzImage, in an anonymous memory file: an ELF file that QEMU starts
// through its PVH entry point (Xen's note 18, arch/x86/platform/pvh). It is the same kernel without
// the decompressor in front, which under TCG takes up to half of a boot's instructions; the host
// does that work in a tenth of a second. An Error says why this image cannot be started so (a
// packing we cannot read, no PVH entry point); it then has to be booted as it is.
Result<Fd> UnpackKernel(const std::string& path);

// Does an ELF kernel have a PVH entry point?
bool HasPvhEntry(std::string_view elf);

}  // namespace nodeproof::node
