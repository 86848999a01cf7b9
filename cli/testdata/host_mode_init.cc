// Process 1 of the guest in which host mode is tested: a machine with a unified hierarchy as
// systemd leaves it, on which nodeproof is run, stopped and killed like on anybody's host.
//
//   / ─┬─ user.slice       a process that has nothing to do with nodeproof
//      └─ session.scope    the shell, so to speak: nodeproof is started here
//
// It speaks the agent's protocol. The "claims" of its request are scenarios; what was found in one
// stands in the field "found" of its claim event, for host_mode_test.cc to judge.
#include <fcntl.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/cgroup/cgroup.h"
#include "harness/cgroup/process.h"
#include "harness/cgroup/static_keys.h"
#include "harness/cgroup/stats.h"
#include "harness/node/protocol.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/residency.h"
#include "harness/probe/scratch_file.h"
#include "harness/stress/anon_hog.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::cli {
namespace {

using cgroup::Cgroup;
using cgroup::Process;
using node::Json;

constexpr const char* kRoot = "/sys/fs/cgroup";
constexpr const char* kOut = "/tmp/out";
constexpr uid_t kNobody = 65534;
constexpr Seconds kPatience{120};  // with a run of a few claims
constexpr Seconds kSoon{20};       // for processes to die

[[noreturn]] void PowerOff() {
  ::sync();
  ::reboot(RB_POWER_OFF);
  for (;;) ::pause();
}

int events_fd = -1;

void Say(const node::Event& event) {
  if (!WriteAll(events_fd, node::FormatEvent(event), "events")) ::_exit(3);
}

// Nothing here may fail; when it does, the test shall say what.
template <typename T>
T Must(Result<T> result) {
  if (!result) {
    Say(node::FatalEvent(result.error().ToString(), ""));
    ::tcdrain(events_fd);
    ::_exit(4);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string Text(const std::string& path) {
  const auto text = ReadFile(path);
  return text ? std::string(Trim(*text)) : "";
}

bool Await(Seconds patience, const std::function<bool()>& done) {
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(patience);
  while (!done()) {
    if (clock.Now() > deadline) return false;
    clock.WaitUntil(clock.Now() + Milliseconds(20));
  }
  return true;
}

// ---- what there is -------------------------------------------------------------------------

struct Living {
  pid_t pid;
  pid_t parent;
  std::string name;
  std::string cgroup;
};

// Living user processes: kernel threads and zombies have no command line.
std::vector<Living> Processes() {
  std::vector<Living> processes;
  for (const std::string& entry : Must(ListDirectory(AT_FDCWD, "/proc"))) {
    const auto pid = ParseInt(entry);
    if (!pid || Text("/proc/" + entry + "/cmdline").empty()) continue;
    const std::string stat = Text("/proc/" + entry + "/stat");
    const auto fields =
        Words(std::string_view(stat).substr(std::min(stat.rfind(')'), stat.size())));
    if (fields.size() < 3) continue;  // it ended just now
    processes.push_back({static_cast<pid_t>(*pid), static_cast<pid_t>(Must(ParseInt(fields[2]))),
                         Text("/proc/" + entry + "/comm"), Text("/proc/" + entry + "/cgroup")});
  }
  return processes;
}

// The names of the processes that run inside a capsule.
std::vector<std::string> InCapsules() {
  std::vector<std::string> names;
  for (const Living& process : Processes()) {
    if (process.cgroup.find("/nodeproof-") != std::string::npos) names.push_back(process.name);
  }
  return names;
}

// What a run on somebody's host must leave as it was.
Json Machine() {
  const Cgroup root = Must(Cgroup::Open(kRoot));
  Json machine = {{"groups", Must(root.Children())},
                  {"subtree_control", Text(fmt::format("{}/cgroup.subtree_control", kRoot))}};
  for (const char* file : {"cgroup.procs", "cgroup.subtree_control", "cpu.weight", "cpu.max",
                           "cpuset.cpus", "cpuset.mems", "memory.min", "memory.low", "memory.high",
                           "memory.max", "memory.swap.max", "pids.max", "cgroup.freeze"}) {
    machine["user.slice"][file] = Text(fmt::format("{}/user.slice/{}", kRoot, file));
  }
  for (const Living& process : Processes()) {
    machine["processes"].push_back(fmt::format("{} {}", process.pid, process.name));
  }
  return machine;
}

// ---- nodeproof -----------------------------------------------------------------------------

struct Command {
  std::vector<std::string> words;  // after "nodeproof"
  std::string tmpdir = "/tmp";
  uid_t user = 0;
  std::string cgroup = "session.scope";
};

int Execute(const Command& command, int out, int err) {
  if (::dup2(out, STDOUT_FILENO) < 0 || ::dup2(err, STDERR_FILENO) < 0) return 125;
  if (command.user != 0 && (::setgroups(0, nullptr) != 0 || ::setgid(command.user) != 0 ||
                            ::setuid(command.user) != 0)) {
    return 125;
  }
  std::vector<std::string> words = {"/bin/nodeproof"};
  words.insert(words.end(), command.words.begin(), command.words.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string tmpdir = "TMPDIR=" + command.tmpdir;
  std::string path = "PATH=/bin";
  std::string home = "HOME=/tmp";
  char* environment[] = {tmpdir.data(), path.data(), home.data(), nullptr};
  ::execve(argv[0], argv.data(), environment);
  return 126;
}

// One nodeproof command, started in session.scope.
class Started {
 public:
  explicit Started(const Command& command)
      : out_(Must(MemoryFile("out", false))),
        err_(Must(MemoryFile("err", false))),
        cgroup_(Must(Cgroup::Open(fmt::format("{}/{}", kRoot, command.cgroup)))),
        process_(Must(Process::Spawn({.name = "nodeproof", .group = &cgroup_},
                                     [&] { return Execute(command, out_.get(), err_.get()); }))) {}

  // False when the run ends before anything runs in its capsule.
  bool AwaitLoad() {
    return Await(kPatience, [&] { return !InCapsules().empty() || !Must(process_.Running()); }) &&
           Must(process_.Running());
  }
  void Signal(int signal) { (void)process_.Signal(signal); }
  pid_t pid() const { return process_.pid(); }
  bool Running() const { return Must(process_.Running()); }

  // Its end, and what it said.
  Json Finish() {
    const auto exit = process_.Wait(kPatience);
    return {{"exit", exit ? exit->ToString() : exit.error().message},
            {"out", Said(out_)},
            {"err", Said(err_)}};
  }

 private:
  static std::string Said(const Fd& file) {
    ::lseek(file.get(), 0, SEEK_SET);
    return Must(ReadAll(file.get(), "what nodeproof said"));
  }

  Fd out_;
  Fd err_;
  Cgroup cgroup_;
  Process process_;
};

Json Finish(const Command& command) { return Started(command).Finish(); }

// ---- scenarios -----------------------------------------------------------------------------

// Verdicts of the last run, by claim.
Json Verdicts() {
  const Json results = Json::parse(Text(fmt::format("{}/results.json", kOut)), nullptr, false);
  if (results.is_discarded()) return nullptr;
  Json verdicts = Json::object();
  for (const Json& claim : results["claims"]) {
    verdicts[claim["id"].get<std::string>()] = {{"verdict", claim["verdict"]},
                                                {"reason", claim.value("reason", "")}};
  }
  return verdicts;
}

Command RunOnHost(std::vector<std::string> claims) {
  Command command{.words = {"run", "--node", "host", "--out", kOut}};
  command.words.insert(command.words.end(), claims.begin(), claims.end());
  return command;
}

Json RunAndJudge(const Command& command) {
  Json found = Finish(command);
  found["verdicts"] = Verdicts();
  return found;
}

Json Run() {
  return RunAndJudge(RunOnHost({"cpu.weight.siblings", "cpuset.pinned", "memory.max.oom"}));
}

Json Interrupt(int signal) {
  Started run(RunOnHost({"cpu.weight.siblings", "memory.max.oom"}));
  const bool load = run.AwaitLoad();
  run.Signal(signal);
  Json found = run.Finish();
  found["load"] = load;
  found["verdicts"] = Verdicts();
  return found;
}

// What is left of a run and what `clean` makes of it, beside a group that is named like a capsule.
void Clean(Json& found) {
  found["load_died"] = Await(kSoon, [] { return InCapsules().empty(); });
  found["left"] = Machine()["groups"];
  const std::string foreign = fmt::format("{}/nodeproof-99.slice", kRoot);
  ::mkdir(foreign.c_str(), 0755);
  found["clean"] = Finish({.words = {"clean"}});
  found["left_by_clean"] = Machine()["groups"];
  ::rmdir(foreign.c_str());
  found["clean_again"] = Finish({.words = {"clean"}});
}

Json KillNodeproof() {
  Started run(RunOnHost({"cpu.weight.siblings"}));
  Json found = {{"load", run.AwaitLoad()}};
  run.Signal(SIGKILL);
  found["run"] = run.Finish();
  Clean(found);
  return found;
}

void KillChildOf(pid_t parent) {
  for (const Living& process : Processes()) {
    if (process.parent == parent) ::kill(process.pid, SIGKILL);
  }
}

Json KillSupervisor() {
  Started run(RunOnHost({"cpu.weight.siblings"}));
  Json found = {{"load", run.AwaitLoad()}};
  KillChildOf(run.pid());
  found["run"] = run.Finish();
  found["verdicts"] = Verdicts();
  Clean(found);
  return found;
}

// The rest of the run goes on under a new supervisor, which removes what the killed one left.
Json KillSupervisorOfTwo() {
  Started run(RunOnHost({"cpu.weight.siblings", "memory.max.oom"}));
  Json found = {{"load", run.AwaitLoad()}};
  KillChildOf(run.pid());
  found["run"] = run.Finish();
  found["verdicts"] = Verdicts();
  return found;
}

Json Without(const std::string& controller) {
  const Cgroup root = Must(Cgroup::Open(kRoot));
  Must(root.Write("cgroup.subtree_control", "-" + controller));
  Json found = RunAndJudge(RunOnHost({"cpu.weight.siblings", "memory.max.oom"}));
  found["subtree_control"] = Must(root.Read("cgroup.subtree_control"));
  found["auto"] = Finish({.words = {"run", "--node", "auto", "memory.max.oom"}});
  Must(root.Write("cgroup.subtree_control", "+" + controller));
  return found;
}

Json Unprivileged(const std::string& node) {
  return Finish({.words = {"run", "--node", node, "memory.max.oom"}, .user = kNobody});
}

// As systemd does for a unit with User= and Delegate=yes, and the user in it:
//
//   delegated.slice   given to nobody, with controllers on for its children
//    └─ shell         nobody's shell
void Delegate() {
  const Cgroup root = Must(Cgroup::Open(kRoot));
  const Cgroup slice = Must(root.CreateChild("delegated.slice"));
  Must(slice.EnableControllers({"cpuset", "cpu", "memory", "pids"}));
  const Cgroup shell = Must(slice.CreateChild("shell"));
  for (const Cgroup* group : {&slice, &shell}) {
    for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"}) {
      const std::string path = group->path() + file;
      if (::chown(path.c_str(), kNobody, kNobody) != 0) {
        Must<void>(FailErrno(errno, "give away " + path));
      }
    }
  }
}

// Fails if anything is left in it.
void TakeBack() {
  for (const char* group : {"delegated.slice/shell", "delegated.slice"}) {
    const std::string path = fmt::format("{}/{}", kRoot, group);
    if (::rmdir(path.c_str()) != 0) Must<void>(FailErrno(errno, "remove " + path));
  }
}

// The user nobody, without any privilege but that cgroup.
Json Delegated() {
  Delegate();
  Json found = Finish({.words = {"run", "--node", "host", "cpuset.pinned", "memory.max.oom"},
                       .user = kNobody,
                       .cgroup = "delegated.slice/shell"});
  TakeBack();
  return found;
}

Json DelegatedClean() {
  Delegate();
  Command command{.words = {"run", "--node", "host", "cpu.weight.siblings"},
                  .user = kNobody,
                  .cgroup = "delegated.slice/shell"};
  Started run(command);
  Json found = {{"load", run.AwaitLoad()}};
  run.Signal(SIGKILL);
  (void)run.Finish();
  found["load_died"] = Await(kSoon, [] { return InCapsules().empty(); });
  command.words = {"clean"};
  found["clean"] = Finish(command);
  TakeBack();
  return found;
}

Json Scratch(const std::string& tmpdir) {
  Command command = RunOnHost({"memory.min.anon-hog"});
  command.tmpdir = tmpdir;
  Json found = RunAndJudge(command);
  found["files"] = Must(ListDirectory(AT_FDCWD, tmpdir));
  return found;
}

// A watcher beside the capsule, with as much weight: 48M of page cache, 32M of anonymous memory,
// and a process that wants a whole CPU.
class Watcher {
 public:
  Watcher()
      : group_(Must(Must(Cgroup::Open(kRoot)).CreateChild("watcher.scope"))),
        file_(Must(probe::ScratchFile::Write("/scratch", kCache))),
        residency_(Must(probe::Residency::Open(file_.path()))),
        reader_(Must(
            probe::CachedReader::Start({.group = &group_, .file = file_.path(), .passes = 1}))),
        anon_(Must(stress::AnonHog::Start({.group = &group_, .target = kAnon}))),
        spinner_(Must(stress::CpuHog::Start({.group = &group_}))) {
    Must<void>(reader_.AwaitFirstPass(kSoon));
    Must<void>(anon_.AwaitFull(kSoon));
  }
  ~Watcher() { (void)group_.Destroy(); }

  // Looks until `over`: what it kept at the least, and what it lost.
  Json WatchUntil(const std::function<bool()>& over) {
    const Clock& clock = MonotonicClock();
    const Nanoseconds begun = clock.Now();
    const auto used = Must(cgroup::ReadCpuStat(group_)).usage;
    const auto stat = Must(cgroup::ReadKeyed(group_, "memory.stat"));
    Bytes least = Must(residency_.Resident());
    while (!over()) {
      clock.WaitUntil(clock.Now() + Milliseconds(20));
      least = std::min(least, Must(residency_.Resident()));
    }
    const Seconds took = clock.Now() - begun;
    const auto after = Must(cgroup::ReadKeyed(group_, "memory.stat"));
    const auto lost = [&](const char* key) { return after.Get(key) - stat.Get(key); };
    return {{"page_cache", kCache.value},
            {"page_cache_kept", least.value},
            {"refaults", lost("workingset_refault_file")},
            {"major_faults", lost("pgmajfault")},
            {"anon_kept", after.Get("anon")},
            {"anon", kAnon.value},
            {"cpu_share",
             Seconds(Must(cgroup::ReadCpuStat(group_)).usage - used).count() / took.count()},
            {"seconds", took.count()}};
  }

  // What would show if something reached it.
  void LosePages() { (void)group_.Write("memory.reclaim", "8388608"); }

 private:
  static constexpr Bytes kCache = MiB(48);
  static constexpr Bytes kAnon = MiB(32);

  Cgroup group_;
  probe::ScratchFile file_;
  probe::Residency residency_;
  probe::CachedReader reader_;
  stress::AnonHog anon_;
  stress::CpuHog spinner_;
};

// Claims about memory run while a watcher looks on.
Json Watched() {
  Watcher watcher;
  Command command =
      RunOnHost({"memory.max.oom", "memory.max.page-cache-reclaimed", "memory.high.throttles",
                 "memory.min.page-cache-flood", "memory.slab.charged", "oom.order"});
  command.tmpdir = "/scratch";
  Started run(command);
  Json found = {{"watched", watcher.WatchUntil([&] { return !run.Running(); })}};
  found["run"] = run.Finish();
  found["verdicts"] = Verdicts();
  int looks = 0;
  watcher.LosePages();
  found["pages_taken"] = watcher.WatchUntil([&] { return ++looks > 2; });
  return found;
}

struct Scenario {
  const char* name;
  std::function<Json()> play;
};

const Scenario kScenarios[] = {
    {"run", Run},
    {"sigterm", [] { return Interrupt(SIGTERM); }},
    {"sigint", [] { return Interrupt(SIGINT); }},
    {"kill-nodeproof", KillNodeproof},
    {"kill-supervisor", KillSupervisor},
    {"kill-supervisor-of-two", KillSupervisorOfTwo},
    {"without-cpuset", [] { return Without("cpuset"); }},
    {"without-cpu", [] { return Without("cpu"); }},
    {"unprivileged-host", [] { return Unprivileged("host"); }},
    {"unprivileged-auto", [] { return Unprivileged("auto"); }},
    {"delegated", Delegated},
    {"delegated-clean", DelegatedClean},
    {"scratch-in-memory", [] { return Scratch("/tmp"); }},
    {"scratch-on-disk", [] { return Scratch("/scratch"); }},
    {"watched", Watched},
};

void Play(const node::RunRequest& request) {
  int index = 0;
  const int total = static_cast<int>(request.claims.size());
  for (const std::string& name : request.claims) {
    const auto scenario = std::find_if(std::begin(kScenarios), std::end(kScenarios),
                                       [&](const Scenario& one) { return one.name == name; });
    if (scenario == std::end(kScenarios)) Must<void>(Fail("there is no scenario {}", name));
    Say(node::ClaimStartEvent(name, ++index, total, kPatience));
    ::unlink(fmt::format("{}/results.json", kOut).c_str());
    Json found = scenario->play();
    found["machine"] = Machine();
    Say(node::ClaimEvent({{"id", name}, {"verdict", "holds"}, {"found", found}}));
  }
  Say(node::EndEvent(index));
}

// ---- the machine ---------------------------------------------------------------------------

void Mount(const char* type, const char* source, const char* target, const char* options) {
  ::mkdir(target, 0755);
  if (::mount(source, target, type, 0, options) != 0 && errno != EBUSY) {
    Must<void>(FailErrno(errno, fmt::format("mount {} on {}", source, target)));
  }
}

// The numbering of NVMe disks swaps between boots; the serial number does not.
void MountScratch() {
  std::string device;
  const bool there = Await(kSoon, [&] {
    for (const std::string& name : Must(ListDirectory(AT_FDCWD, "/sys/block"))) {
      const std::string serial = Text(fmt::format("/sys/block/{}/device/serial", name));
      if (serial == node::kScratchSerial) device = "/dev/" + name;
    }
    return !device.empty();
  });
  if (!there) Must<void>(Fail("the scratch disk did not appear"));
  Mount("ext4", device.c_str(), "/scratch", "");
}

void Raw(int line) {
  termios settings{};
  ::tcgetattr(line, &settings);
  ::cfmakeraw(&settings);
  ::tcsetattr(line, TCSANOW, &settings);
}

int Play() {
  MountScratch();
  const Cgroup root = Must(Cgroup::Open(kRoot));
  Must(cgroup::HoldStaticKeys(root, {"cpuset", "cpu", "io", "memory", "pids"}));
  const Cgroup user = Must(root.CreateChild("user.slice"));
  Must(root.CreateChild("session.scope"));
  const Process bystander = Must(Process::Spawn({.name = "bystander", .group = &user}, [] {
    for (;;) ::pause();
    return 0;
  }));
  Say(node::HelloEvent(Machine()));
  Play(Must(node::ParseRequest(Must(ReadFile(node::kGuestRequestPath)))));
  return 0;
}

// Process 1 only buries orphans, like everybody's process 1: the play runs in its child.
void Main() {
  events_fd = ::open(node::kGuestEventsPath, O_RDWR | O_NOCTTY | O_CLOEXEC);
  Raw(events_fd);
  Mount("proc", "proc", "/proc", "");
  Mount("sysfs", "sysfs", "/sys", "");
  Mount("devtmpfs", "devtmpfs", "/dev", "");
  Mount("tmpfs", "tmpfs", "/tmp", "mode=1777");
  Mount("cgroup2", "cgroup2", kRoot, "nsdelegate,memory_recursiveprot");
  const pid_t play = ::fork();
  if (play == 0) ::_exit(Play());
  while (::wait(nullptr) != play) {
  }
  ::tcdrain(events_fd);
  PowerOff();
}

}  // namespace
}  // namespace nodeproof::cli

int main() { nodeproof::cli::Main(); }
