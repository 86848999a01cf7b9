#include "harness/node/decompress.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace nodeproof::node {

Result<std::string> Decompress(std::string_view bytes, const std::string& name, size_t limit) {
  if (bytes.empty()) return std::string();
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), &archive_read_free);
  // Not archive_read_support_filter_all: some of those start external programs.
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_bzip2(reader.get());
  archive_read_support_filter_lzma(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_lz4(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return Fail("decompress {}: {}", name, archive_error_string(reader.get()));
  }
  std::string content;
  std::string block(1 << 18, '\0');
  for (;;) {
    const la_ssize_t got = archive_read_data(reader.get(), block.data(), block.size());
    if (got < 0) return Fail("decompress {}: {}", name, archive_error_string(reader.get()));
    if (got == 0) return content;
    content.append(block, 0, static_cast<size_t>(got));
    if (content.size() > limit) return Fail("{} holds more than {} bytes", name, limit);
  }
}

}  // namespace nodeproof::node
