#include "harness/node/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <vector>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

Initramfs Sample(bool reversed) {
  Initramfs image;
  if (reversed) image.AddFile("/b/deep/file", "contents");
  image.AddFile("/init", "program", 0755);
  image.AddCharDevice("/dev/console", 5, 1);
  image.AddSymlink("/lib64", "lib");
  image.AddFile("/empty", "");
  if (!reversed) image.AddFile("/b/deep/file", "contents");
  return image;
}

std::string Bytes(const Initramfs& image) {
  const auto file = image.Write();
  return file ? ReadAll(file->get(), "initramfs").value_or("unreadable") : file.error().message;
}

TEST(Initramfs, IsTheSameBytesInWhateverOrderItWasFilled) {
  EXPECT_EQ(Bytes(Sample(false)), Bytes(Sample(true)));
}

TEST(Initramfs, ReadsBackWithParentsFirst) {
  const std::string bytes = Bytes(Sample(true));
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), &archive_read_free);
  archive_read_support_format_cpio(reader.get());
  ASSERT_EQ(archive_read_open_memory(reader.get(), bytes.data(), bytes.size()), ARCHIVE_OK);
  EXPECT_EQ(bytes.substr(0, 6), "070701");  // newc
  std::vector<std::string> listing;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    std::string content(static_cast<size_t>(archive_entry_size(entry)), '\0');
    if (!content.empty() && archive_entry_filetype(entry) == AE_IFREG) {
      ASSERT_GT(archive_read_data(reader.get(), content.data(), content.size()), 0);
    }
    if (archive_entry_symlink(entry) != nullptr) content = archive_entry_symlink(entry);
    listing.push_back(fmt::format("{:o} {} {}:{} {} {} '{}'", archive_entry_mode(entry),
                                  archive_entry_uid(entry), archive_entry_rdevmajor(entry),
                                  archive_entry_rdevminor(entry), archive_entry_mtime(entry),
                                  archive_entry_pathname(entry), content));
  }
  EXPECT_THAT(listing,
              testing::ElementsAre("40755 0 0:0 0 b ''", "40755 0 0:0 0 b/deep ''",
                                   "100644 0 0:0 0 b/deep/file 'contents'", "40755 0 0:0 0 dev ''",
                                   "20600 0 5:1 0 dev/console ''", "100644 0 0:0 0 empty ''",
                                   "100755 0 0:0 0 init 'program'", "120777 0 0:0 0 lib64 'lib'"));
}

}  // namespace
}  // namespace nodeproof::node
