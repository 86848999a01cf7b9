#include "harness/node/kernel_modules.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

template <typename T>
void Append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// An ELF file with nothing but a .modinfo section, as kmod would read it.
std::string FakeModule(const std::string& release, const std::string& depends) {
  const std::string names(std::string("\0.modinfo\0", 10));
  const std::string info = "license=GPL" + std::string(1, '\0') + "depends=" + depends +
                           std::string(1, '\0') + "vermagic=" + release + " SMP preempt " +
                           std::string(1, '\0');
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_shoff = sizeof header + names.size() + info.size();
  header.e_shnum = 2;
  header.e_shstrndx = 0;
  std::string bytes;
  Append(bytes, header);
  bytes += names + info;
  Elf64_Shdr section{};
  section.sh_type = SHT_STRTAB;
  section.sh_offset = sizeof header;
  section.sh_size = names.size();
  Append(bytes, section);
  section.sh_type = SHT_PROGBITS;
  section.sh_name = 1;
  section.sh_offset = sizeof header + names.size();
  section.sh_size = info.size();
  Append(bytes, section);
  return bytes;
}

std::string Xz(const std::string& content) {
  std::string packed(content.size() + 4096, '\0');
  size_t used = 0;
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(),
                                                           &archive_write_free);
  archive_write_add_filter_xz(writer.get());
  archive_write_set_format_raw(writer.get());
  archive_write_open_memory(writer.get(), packed.data(), packed.size(), &used);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       &archive_entry_free);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_write_header(writer.get(), entry.get());
  archive_write_data(writer.get(), content.data(), content.size());
  archive_write_close(writer.get());
  packed.resize(used);
  return packed;
}

class ModulesTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/nodeproof-modules-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    kernel_.path = root_ / "vmlinuz";
    kernel_.release = "6.12.1";
    kernel_.modules_directory = root_ / "modules";
    Write("modules/kernel/drivers/top-level.ko.xz", Xz(FakeModule("6.12.1", "middle_one,base")));
    Write("modules/kernel/lib/middle-one.ko", FakeModule("6.12.1", "base,crc32"));
    Write("modules/kernel/lib/base.ko.xz", Xz(FakeModule("6.12.1", "")));
    Write("modules/kernel/lib/lonely.ko", FakeModule("6.12.1", "absent"));
    Write("modules/modules.builtin", "kernel/lib/crc32.ko\n");
  }
  void TearDown() override { fs::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    ASSERT_TRUE(WriteFileAtomic(root_ / path, text));
  }
  std::vector<std::string> Order(const std::vector<std::string>& wanted) {
    std::vector<std::string> order;
    const auto modules = ResolveModules(wanted, kernel_);
    if (!modules) return {modules.error().ToString()};
    for (const KernelModule& module : *modules) order.push_back(module.guest_path);
    return order;
  }
  std::string ErrorOf(const std::string& wanted) { return Order({wanted}).front(); }

  fs::path root_;
  KernelImage kernel_;
};

TEST_F(ModulesTest, DependenciesComeFirstAndOnce) {
  const auto expected =
      testing::ElementsAre("/modules/base.ko", "/modules/middle_one.ko", "/modules/top_level.ko");
  EXPECT_THAT(Order({"top-level"}), expected);
  EXPECT_THAT(Order({"top_level", "base", "crc32"}), expected);
}

TEST_F(ModulesTest, AUsersOwnModuleTakesItsDependenciesFromTheKernel) {
  Write("mine/patch.ko", FakeModule("6.12.1", "base"));
  EXPECT_THAT(Order({root_ / "mine/patch.ko"}),
              testing::ElementsAre("/modules/base.ko", "/modules/patch.ko"));
}

TEST_F(ModulesTest, ContentIsDecompressed) {
  const auto modules = ResolveModules({"base"}, kernel_);
  ASSERT_TRUE(modules);
  EXPECT_EQ(modules->front().content, FakeModule("6.12.1", ""));
}

TEST_F(ModulesTest, ErrorsNameTheModule) {
  Write("mine/old.ko", FakeModule("6.1.0", ""));
  Write("mine/text.ko", "not a module");
  EXPECT_THAT(ErrorOf("nonesuch"), HasSubstr("no kernel module 'nonesuch': "));
  EXPECT_THAT(ErrorOf("lonely"), HasSubstr("kernel module absent, which "));
  EXPECT_THAT(ErrorOf(root_ / "mine/old.ko"),
              HasSubstr("old.ko is built for kernel 6.1.0, the guest runs 6.12.1; build it"));
  EXPECT_THAT(ErrorOf(root_ / "mine/text.ko"), HasSubstr("text.ko is not a kernel module"));
  EXPECT_THAT(ErrorOf("./absent.ko"), HasSubstr("open ./absent.ko: No such file"));
  EXPECT_THAT(ErrorOf("/etc/passwd"), HasSubstr("/etc/passwd is not a kernel module (.ko)"));
  kernel_.modules_directory.clear();
  EXPECT_THAT(ErrorOf("zram"), HasSubstr("has no lib/modules/6.12.1 beside it"));
}

TEST(ModuleInfo, SurvivesDamage) {
  const std::string whole = FakeModule("6.12.1", "a,b");
  EXPECT_EQ(ModuleInfo(whole, "depends"), "a,b");
  EXPECT_EQ(ModuleInfo(whole, "depend"), "");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(ModuleInfo(std::string_view(whole).substr(0, size), "depends"), "");
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\xff', '\x7f', '\0'}) {
      std::string damaged = whole;
      damaged[at] = value;
      EXPECT_LT(ModuleInfo(damaged, "depends").size(), whole.size());
    }
  }
}

}  // namespace
}  // namespace nodeproof::node
