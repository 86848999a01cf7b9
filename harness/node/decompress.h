// Decompression of what kernels and their modules are packed with.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace nodeproof::node {

// The content of gzip, bzip2, lzma, xz, lz4 or zstd bytes; bytes of another kind come back as they
// are. Errors (with `name`): damaged, or larger than `limit` bytes.
Result<std::string> Decompress(std::string_view bytes, const std::string& name, size_t limit);

}  // namespace nodeproof::node
