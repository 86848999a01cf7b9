#include "harness/node/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <memory>
#include <string_view>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

std::string WithoutSlash(const std::string& path) {
  return path.starts_with('/') ? path.substr(1) : path;
}

std::unexpected<Error> ArchiveError(archive* writer) {
  const char* text = archive_error_string(writer);
  return Fail("write the initramfs: {}", text != nullptr ? text : "unknown error");
}

}  // namespace

void Initramfs::AddParents(const std::string& path) {
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    entries_.try_emplace(path.substr(0, slash), Entry{S_IFDIR | 0755, "", 0});
  }
}

void Initramfs::AddFile(const std::string& path, std::string content, mode_t permissions) {
  const std::string name = WithoutSlash(path);
  AddParents(name);
  entries_[name] = Entry{S_IFREG | permissions, std::move(content), 0};
}

void Initramfs::AddDirectory(const std::string& path) {
  const std::string name = WithoutSlash(path);
  AddParents(name);
  entries_.try_emplace(name, Entry{S_IFDIR | 0755, "", 0});
}

void Initramfs::AddSymlink(const std::string& path, const std::string& target) {
  const std::string name = WithoutSlash(path);
  AddParents(name);
  entries_[name] = Entry{S_IFLNK | 0777, target, 0};
}

void Initramfs::AddCharDevice(const std::string& path, unsigned major, unsigned minor) {
  const std::string name = WithoutSlash(path);
  AddParents(name);
  entries_[name] = Entry{S_IFCHR | 0600, "", makedev(major, minor)};
}

Result<Fd> Initramfs::Write() const {
  Fd file = TRY(MemoryFile("nodeproof-initramfs", /*inherited=*/false));
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(),
                                                           &archive_write_free);
  archive_write_set_format_cpio_newc(writer.get());
  archive_write_add_filter_none(writer.get());
  archive_write_set_bytes_in_last_block(writer.get(), 1);  // no padding to a tape block
  if (archive_write_open_fd(writer.get(), file.get()) != ARCHIVE_OK) {
    return ArchiveError(writer.get());
  }
  int64_t inode = 0;
  for (const auto& [path, entry] : entries_) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> header(archive_entry_new(),
                                                                          &archive_entry_free);
    const bool link = S_ISLNK(entry.mode);
    archive_entry_set_pathname(header.get(), path.c_str());
    archive_entry_set_mode(header.get(), entry.mode);
    archive_entry_set_ino64(header.get(), ++inode);
    archive_entry_set_nlink(header.get(), 1);
    archive_entry_set_uid(header.get(), 0);
    archive_entry_set_gid(header.get(), 0);
    archive_entry_set_mtime(header.get(), 0, 0);
    archive_entry_set_rdev(header.get(), entry.device);
    archive_entry_set_size(header.get(), link ? 0 : static_cast<int64_t>(entry.content.size()));
    if (link) archive_entry_set_symlink(header.get(), entry.content.c_str());
    if (archive_write_header(writer.get(), header.get()) != ARCHIVE_OK) {
      return ArchiveError(writer.get());
    }
    if (link || entry.content.empty()) continue;
    const la_ssize_t put =
        archive_write_data(writer.get(), entry.content.data(), entry.content.size());
    if (put != static_cast<la_ssize_t>(entry.content.size())) return ArchiveError(writer.get());
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return ArchiveError(writer.get());
  return file;
}

}  // namespace nodeproof::node
