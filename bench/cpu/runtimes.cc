// What container runtimes take to start a container with the limits of cpu.birth.container. They
// read a bundle, mount its root and keep state besides: that is theirs.
#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "bench/core/context.h"
#include "bench/cpu/cpu_benches.h"
#include "harness/base/file.h"

namespace nodeproof::bench {
namespace {

// A static program for x86-64 that ends at once: exit(0).
std::string ProgramThatEnds() {
  constexpr std::array<unsigned char, 9> kCode = {0x31, 0xff,                    // xor edi, edi
                                                  0xb8, 60,   0x00, 0x00, 0x00,  // mov eax, 60
                                                  0x0f, 0x05};                   // syscall
  constexpr Elf64_Addr kBase = 0x400000;
  constexpr size_t kHeaders = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_entry = kBase + kHeaders;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_vaddr = segment.p_paddr = kBase;
  segment.p_filesz = segment.p_memsz = kHeaders + kCode.size();
  segment.p_align = 4096;
  std::string file(kHeaders + kCode.size(), '\0');
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, &segment, sizeof segment);
  std::memcpy(file.data() + kHeaders, kCode.data(), kCode.size());
  return file;
}

// The limits of MeasureContainer (group_costs.cc): shares of 2048 are a weight of 79. Namespaces
// are only those that both runtimes insist on.
Json BundleConfig(const std::string& group) {
  return {
      {"ociVersion", "1.0.2"},
      {"process",
       {{"terminal", false},
        {"user", {{"uid", 0}, {"gid", 0}}},
        {"args", {"/true"}},
        {"env", {"PATH=/"}},
        {"cwd", "/"}}},
      {"root", {{"path", "root"}, {"readonly", true}}},
      {"mounts", Json::array({{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}}})},
      {"linux",
       {{"cgroupsPath", group},
        {"namespaces", Json::array({{{"type", "mount"}}, {{"type", "pid"}}})},
        {"resources",
         {{"cpu", {{"shares", 2048}, {"quota", 100000}, {"period", 100000}}},
          {"memory", {{"limit", 134217728}}},
          {"pids", {{"limit", 1000}}},
          {"unified", {{"memory.min", "67108864"}, {"memory.high", "120000000"}}}}}}}};
}

// A folder with a bundle and the runtime's state, gone when the object goes.
class Bundle {
 public:
  static Result<Bundle> Make(const std::filesystem::path& parent, const std::string& group) {
    std::string path = (parent / "nodeproof-bundle-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) return FailErrno(errno, "make a folder in " + path);
    Bundle bundle(path);
    const auto root = bundle.path_ / "root";
    std::error_code error;
    for (const char* folder : {"proc", "dev"}) {  // crun opens /dev although nothing is mounted
      std::filesystem::create_directories(root / folder, error);
      if (error) return FailErrno(error.value(), fmt::format("make {}", (root / folder).string()));
    }
    TRY(WriteFileAtomic(root / "true", ProgramThatEnds()));
    std::filesystem::permissions(root / "true", std::filesystem::perms(0755), error);
    if (error) return FailErrno(error.value(), "make a program of " + (root / "true").string());
    TRY(WriteFileAtomic(bundle.path_ / "config.json", TRY(DumpJson(BundleConfig(group)))));
    return bundle;
  }
  Bundle(Bundle&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Bundle& operator=(Bundle&&) = delete;
  ~Bundle() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit Bundle(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Runs a program to its end; an Error has what it said last.
Status RunProgram(const std::vector<std::string>& argv) {
  const Fd said = TRY(MemoryFile("nodeproof-said", /*inherited=*/false));
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&actions, 0, 1);
  ::posix_spawn_file_actions_adddup2(&actions, said.get(), 2);
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, argv[0].c_str(), &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return FailErrno(code, "start " + argv[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return FailErrno(errno, "wait for " + argv[0]);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string text = "nothing";
  if (::lseek(said.get(), 0, SEEK_SET) == 0) text = TRY(ReadAll(said.get(), "what it said"));
  while (text.ends_with('\n')) text.pop_back();
  return Fail("{} failed, it said: {}", argv[0], text.substr(text.rfind('\n') + 1));
}

Result<std::string> FindRuntime(const std::string& name) {
  for (const char* directory : {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}) {
    const std::string path = fmt::format("{}/{}", directory, name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return Unsupported("the node has no {0}; `nodeproof bench --pack FILE` takes one into a VM",
                     name);
}

// Where the runtimes find the capsule: they look for cgroup v2 nowhere else.
Result<std::string> GroupOf(const cgroup::Cgroup& capsule) {
  constexpr std::string_view kRoot = "/sys/fs/cgroup";
  const std::string path = capsule.path();
  if (!path.starts_with(fmt::format("{}/nodeproof", kRoot))) {
    return Unsupported("runtimes need cgroup v2 at {}, here it is above {}", kRoot, path);
  }
  return path.substr(kRoot.size());
}

Status MeasureRuntime(const char* name, Context& context, benchmark::State& state) {
  if (::geteuid() != 0) return Unsupported("it needs root");
#ifndef __x86_64__
  return Unsupported("its container's program is one for x86-64");
#endif
  const std::string runtime = TRY(FindRuntime(name));
  const std::string group = TRY(GroupOf(*context.environment().capsule));
  const Bundle* bundle = TRY(context.Keep<Bundle>([&] {
    return Bundle::Make(*context.environment().scratch, fmt::format("{}/{}", group, name));
  }));
  // No pivot_root(2): a VM's root is its initramfs, which cannot be moved.
  const std::vector<std::string> argv = {runtime,
                                         "--root",
                                         (bundle->path() / "state").string(),
                                         "run",
                                         "--no-pivot",
                                         "--bundle",
                                         bundle->path().string(),
                                         fmt::format("nodeproof-{}", ::getpid())};
  for (auto _ : state) {
    TRY(context.TimeIteration(state, [&] { return RunProgram(argv); }));
  }
  return {};
}

}  // namespace

void AddRuntimes(Registry& registry) {
  for (const char* name : {"crun", "runc"}) {
    registry.Add({.id = fmt::format("cpu.birth.{}", name),
                  .what = fmt::format("`{} run` of a container with the limits of "
                                      "cpu.birth.container, whose process ends at once.",
                                      name),
                  .needs = {.controllers = kGroupControllers, .scratch = true},
                  .unit = benchmark::kMicrosecond,
                  .manual_time = true,
                  .repetitions = 3,
                  .iterations = 3,
                  .budget = Seconds(120),
                  .run = [name](Context& context, benchmark::State& state) {
                    return MeasureRuntime(name, context, state);
                  }});
  }
}

}  // namespace nodeproof::bench
