#include "harness/node/elf_closure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <set>

#include "harness/base/file.h"
#include "harness/node/child_process.h"

namespace nodeproof::node {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const char* const kTests = NODEPROOF_BINARY_DIR "/test";

std::set<std::string> Names(const std::vector<ClosureFile>& files) {
  std::set<std::string> names;
  for (const ClosureFile& file : files) names.insert(file.guest_path);
  return names;
}

class TempFolder {
 public:
  TempFolder() {
    char name[] = "/tmp/nodeproof-elf-XXXXXX";
    if (::mkdtemp(name) != nullptr) path = name;
  }
  ~TempFolder() { fs::remove_all(path); }
  fs::path path;
};

TEST(LibraryClosure, HasEveryLibraryThatThisProcessLoaded) {
  const auto files = LibraryClosure("/proc/self/exe", "/init", DefaultLibraryDirectories());
  ASSERT_TRUE(files) << files.error().ToString();
  EXPECT_EQ(files->front().guest_path, "/init");
  std::set<std::string> loaded = {"/init"};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* set) {
        const std::string name = fs::path(info->dlpi_name).filename();
        if (!name.empty() && !name.starts_with("linux-vdso")) {
          static_cast<std::set<std::string>*>(set)->insert("/lib/" + name);
        }
        return 0;
      },
      &loaded);
  EXPECT_EQ(Names(*files), loaded);
}

TEST(LibraryClosure, FollowsRunpathWithOrigin) {
  const auto files = LibraryClosure(fmt::format("{}/closure_program", kTests), "/bin/program",
                                    DefaultLibraryDirectories());
  ASSERT_TRUE(files) << files.error().ToString();
  EXPECT_THAT(Names(*files), testing::IsSupersetOf({"/bin/program", "/lib/libclosure_far.so",
                                                    "/lib/libclosure_deep.so", "/lib/libc.so.6",
                                                    "/lib/ld-linux-x86-64.so.2"}));
}

TEST(LibraryClosure, StrippedFilesStillRun) {
  const TempFolder folder;
  const auto files = LibraryClosure(fmt::format("{}/closure_program", kTests), "/program",
                                    DefaultLibraryDirectories());
  ASSERT_TRUE(files) << files.error().ToString();
  size_t before = 0;
  size_t after = 0;
  fs::create_directory(folder.path / "lib");
  for (const ClosureFile& file : *files) {
    const fs::path path = folder.path / file.guest_path.substr(1);
    ASSERT_TRUE(WriteFileAtomic(path, file.content));
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
    before += fs::file_size(file.host_path);
    after += file.content.size();
  }
  EXPECT_LT(after, before);
  SpawnSpec spec;
  spec.argv = {folder.path / "lib/ld-linux-x86-64.so.2", "--library-path", folder.path / "lib",
               "--inhibit-cache", folder.path / "program"};
  auto process = ChildProcess::Spawn(spec);
  ASSERT_TRUE(process) << process.error().ToString();
  EXPECT_EQ(process->Wait(), 0);
}

TEST(LibraryClosure, NamesAMissingLibraryAndWhoNeedsIt) {
  const TempFolder folder;
  fs::create_directory(folder.path / "far");
  fs::copy(fmt::format("{}/closure_program", kTests), folder.path);
  fs::copy(fmt::format("{}/far/libclosure_far.so", kTests), folder.path / "far");
  const auto files =
      LibraryClosure(folder.path / "closure_program", "/init", DefaultLibraryDirectories());
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().message,
            fmt::format("library libclosure_deep.so, which {}/far/libclosure_far.so needs, is in "
                        "none of the linker's directories",
                        folder.path.string()));
}

TEST(LibraryClosure, SkipsALibraryOfAnotherMachineAndNamesItWhenThereIsNoOther) {
  const TempFolder folder;
  fs::create_directories(folder.path / "far/deep");
  fs::copy(fmt::format("{}/closure_program", kTests), folder.path);
  fs::copy(fmt::format("{}/far/libclosure_far.so", kTests), folder.path / "far");
  ASSERT_TRUE(WriteFileAtomic(folder.path / "far/deep/libclosure_deep.so", "INPUT(script)\n"));
  const auto files =
      LibraryClosure(folder.path / "closure_program", "/init", DefaultLibraryDirectories());
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().message, HasSubstr("libclosure_deep.so is not an ELF file"));
  const auto elsewhere =
      LibraryClosure(folder.path / "closure_program", "/init",
                     {fmt::format("{}/far/deep", kTests), "/lib/x86_64-linux-gnu"});
  EXPECT_TRUE(elsewhere) << elsewhere.error().ToString();
}

TEST(LibraryClosure, RefusesWhatIsNotAProgram) {
  EXPECT_EQ(LibraryClosure("/etc/passwd", "/init", {}).error().message,
            "/etc/passwd is not an ELF file");
  EXPECT_THAT(LibraryClosure("/nonexistent", "/init", {}).error().message,
              HasSubstr("open /nonexistent: No such file"));
}

TEST(ReadElf, SurvivesDamage) {
  const auto whole = ReadFile(fmt::format("{}/closure_program", kTests));
  ASSERT_TRUE(whole);
  int refused = 0;
  for (size_t size = 0; size < whole->size(); size += 37) {
    const std::string cut = whole->substr(0, size);
    const auto facts = ReadElf(cut, "cut");
    if (!facts) ++refused;
    if (facts) StripToSegments(cut, *facts);
  }
  EXPECT_GT(refused, 100);
  std::mt19937_64 random(42);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = whole->substr(0, 8192);
    // The tables stand at the start; most damage should hit them.
    for (int flips = 0; flips < 4; ++flips) {
      damaged[random() % 1024] = static_cast<char>(random());
    }
    const auto facts = ReadElf(damaged, "damaged");
    if (!facts) continue;
    EXPECT_LE(StripToSegments(damaged, *facts).size(), damaged.size());
  }
}

TEST(DefaultLibraryDirectories, FollowIncludes) {
  const TempFolder folder;
  fs::create_directory(folder.path / "conf.d");
  ASSERT_TRUE(WriteFileAtomic(folder.path / "ld.so.conf",
                              "include conf.d/*.conf\n/opt/last # a comment\n"));
  ASSERT_TRUE(WriteFileAtomic(folder.path / "conf.d/a.conf", "# nothing\n/opt/a\n"));
  ASSERT_TRUE(WriteFileAtomic(folder.path / "conf.d/b.conf",
                              fmt::format("include {}/ld.so.conf\n", folder.path.string())));
  const auto directories = DefaultLibraryDirectories(folder.path / "ld.so.conf");
  EXPECT_EQ(directories.front(), "/opt/a");
  EXPECT_THAT(directories, testing::Contains("/opt/last"));
  EXPECT_EQ(directories.back(), "/usr/lib");
}

}  // namespace
}  // namespace nodeproof::node
