#include "harness/node/kernel_image.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The start of a bzImage, as Documentation/arch/x86/boot.rst lays it out.
std::string FakeImage(const std::string& version) {
  std::string bytes(2048, '\0');
  bytes[0x1fe] = 0x55;
  bytes[0x1ff] = static_cast<char>(0xaa);
  bytes.replace(0x202, 4, "HdrS");
  bytes[0x206] = 0x0f;
  bytes[0x207] = 0x02;
  bytes[0x20e] = 0x00;
  bytes[0x20f] = 0x03;
  bytes[0x236] = 1;
  const std::string text = version + " (builder@host) #1 SMP";
  bytes.replace(0x500, text.size(), text);
  return bytes;
}

TEST(ReadKernelRelease, ReadsTheVersion) {
  EXPECT_EQ(ReadKernelRelease(FakeImage("6.12.1-x"), "k").value(), "6.12.1-x");
}

TEST(ReadKernelRelease, SaysWhatIsWrong) {
  const auto error = [](const std::string& bytes) {
    return ReadKernelRelease(bytes, "k").error().message;
  };
  const std::string good = FakeImage("6.12.1");
  EXPECT_EQ(error(""), "k is not a bzImage");
  EXPECT_EQ(error(std::string(4096, 'x')), "k is not a bzImage");
  EXPECT_EQ(error("\x7f"
                  "ELF" +
                  good.substr(4, 100)),
            "k is not a bzImage");
  std::string image = good;
  image[0x236] = 0;
  EXPECT_EQ(error(image), "k is not a 64-bit kernel");
  image = good;
  image[0x206] = 0x0a;
  EXPECT_EQ(error(image), "k is not a 64-bit kernel");
  image = good;
  image[0x20f] = static_cast<char>(0xff);
  EXPECT_EQ(error(image), "k does not say its kernel version");
  image = good.substr(0, 0x506);
  EXPECT_EQ(error(image), "k does not say its kernel version");
  for (size_t size = 0; size < good.size(); ++size) {
    const auto release = ReadKernelRelease(std::string_view(good).substr(0, size), "k");
    EXPECT_EQ(release.value_or("6.12.1"), "6.12.1");
  }
}

// An ELF file with one note, as in a kernel with CONFIG_PVH.
std::string FakeKernel(const char* owner, uint32_t type) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_phoff = sizeof header;
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof header + sizeof segment;
  const Elf64_Nhdr other{4, 3, 1};
  const Elf64_Nhdr note{4, 4, type};
  std::string notes(reinterpret_cast<const char*>(&other), sizeof other);
  notes += std::string("GNU\0abc\0", 8);
  notes.append(reinterpret_cast<const char*>(&note), sizeof note);
  notes += owner + std::string("\0\0\0\0\0", 5);
  segment.p_filesz = notes.size();
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) +
         std::string(reinterpret_cast<const char*>(&segment), sizeof segment) + notes;
}

TEST(HasPvhEntry, FindsXensNote) {
  EXPECT_TRUE(HasPvhEntry(FakeKernel("Xen", 18)));
  EXPECT_FALSE(HasPvhEntry(FakeKernel("Xen", 17)));
  EXPECT_FALSE(HasPvhEntry(FakeKernel("GNU", 18)));
  const std::string whole = FakeKernel("Xen", 18);
  for (size_t size = 0; size + 9 < whole.size(); ++size) {
    EXPECT_FALSE(HasPvhEntry(std::string_view(whole).substr(0, size)));
  }
}

class CacheTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/nodeproof-cache-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    cache_ = name;
  }
  void TearDown() override { fs::remove_all(cache_); }
  void Add(const std::string& release) {
    const fs::path root = cache_ / "kernels" / release;
    fs::create_directories(root / "boot");
    fs::create_directories(root / "lib/modules" / release);
    ASSERT_TRUE(WriteFileAtomic(root / "boot" / ("vmlinuz-" + release), FakeImage(release)));
  }
  fs::path cache_;
};

TEST_F(CacheTest, TheNewestMatchWins) {
  for (const char* release :
       {"6.12.9+deb12-cloud-amd64", "6.12.117+deb12-cloud-amd64", "6.1.0-9-cloud-amd64",
        "6.1.0-56-cloud-amd64", "5.10.0-1-cloud-amd64"}) {
    Add(release);
  }
  fs::create_directories(cache_ / "kernels/.partial-6.13");
  EXPECT_THAT(
      CachedKernels(cache_),
      testing::ElementsAre("6.12.117+deb12-cloud-amd64", "6.12.9+deb12-cloud-amd64",
                           "6.1.0-56-cloud-amd64", "6.1.0-9-cloud-amd64", "5.10.0-1-cloud-amd64"));
  const auto release = [&](const char* name) { return FindKernel(name, cache_).value().release; };
  EXPECT_EQ(release(""), "6.12.117+deb12-cloud-amd64");
  EXPECT_EQ(release("6.12"), "6.12.117+deb12-cloud-amd64");
  EXPECT_EQ(release("6.1"), "6.1.0-56-cloud-amd64");
  EXPECT_EQ(release("6.12.9"), "6.12.9+deb12-cloud-amd64");
  EXPECT_EQ(release("6.1.0-9-cloud-amd64"), "6.1.0-9-cloud-amd64");
  EXPECT_EQ(release("5"), "5.10.0-1-cloud-amd64");
  const auto kernel = FindKernel("6.12", cache_).value();
  EXPECT_EQ(kernel.major, 6);
  EXPECT_EQ(kernel.minor, 12);
  EXPECT_EQ(kernel.modules_directory,
            cache_ / "kernels" / kernel.release / "lib/modules" / kernel.release);
}

TEST_F(CacheTest, AKernelThatCannotBeUnpackedSaysSo) {
  Add("6.12.1");
  const auto unpacked = UnpackKernel(FindKernel("6.12", cache_)->path);
  ASSERT_FALSE(unpacked);
  EXPECT_THAT(unpacked.error().message, HasSubstr("vmlinuz-6.12.1 has no PVH entry point"));
}

TEST_F(CacheTest, SaysWhatIsNotCachedAndHowToFetchIt) {
  EXPECT_EQ(FindKernel("6.12", cache_).error().ToString(),
            fmt::format("no kernel '6.12' is cached in {}/kernels; run scripts/fetch-kernels 6.12",
                        cache_.string()));
  EXPECT_THAT(FindKernel("4.19", cache_).error().hint, HasSubstr("--kernel PATH"));
}

TEST_F(CacheTest, NamesAPathThatIsNoKernel) {
  EXPECT_THAT(FindKernel("/nonexistent/vmlinuz", cache_).error().message,
              HasSubstr("open /nonexistent/vmlinuz: No such file"));
  EXPECT_EQ(FindKernel("/etc/passwd", cache_).error().message, "/etc/passwd is not a bzImage");
  EXPECT_THAT(FindKernel("/tmp", cache_).error().ToString(),
              HasSubstr("read /tmp: Is a directory; name a bzImage of your own with --kernel"));
}

}  // namespace
}  // namespace nodeproof::node
