// A stand-in for the agent in the tests of VmNode and HostNode: speaks the protocol and then does
// what args.mode of the request says. As process 1 it is a guest's /init; otherwise it takes
// --request-fd N --events-fd M like the agent.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>

#include "harness/base/file.h"
#include "harness/node/protocol.h"

namespace nodeproof::node {
namespace {

int events_fd = -1;

void Say(const Event& event) {
  if (!WriteAll(events_fd, FormatEvent(event), "events")) _exit(3);
}

void Sysrq(const char* key) { (void)WriteFileAt(AT_FDCWD, "/proc/sysrq-trigger", key); }

[[noreturn]] void Sleep() {
  for (;;) ::pause();
}

// As the real agent answers SIGTERM.
sigset_t BlockStop() {
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  return stop;
}

// Leaves a file behind that says so, where the request names one: an agent that is killed does not.
[[noreturn]] void SleepUntilStopped(const RunRequest& request) {
  const sigset_t stop = BlockStop();
  int signal = 0;
  ::sigwait(&stop, &signal);
  const std::string note = request.args.value("note", "");
  if (!note.empty() && !WriteFileAtomic(note, "stopped")) _exit(6);
  Say(FatalEvent("stopped by a signal", ""));
  _exit(2);
}

std::string Text(const std::string& path) {
  const auto text = ReadFile(path);
  return text ? std::string(Trim(*text)) : "";
}

Json LoadModules(const RunRequest& request) {
  Json loaded = Json::array();
  for (const std::string& path : request.modules) {
    const auto file = OpenAt(AT_FDCWD, path, O_RDONLY);
    const bool ok = file && ::syscall(SYS_finit_module, file->get(), "", 0) == 0;
    loaded.push_back(path + (ok ? "" : std::string(": ") + std::strerror(errno)));
  }
  return loaded;
}

Json Facts(const RunRequest& request) {
  utsname name{};
  ::uname(&name);
  Json facts = {{"release", name.release}, {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)}};
  facts["modules"] = LoadModules(request);
  facts["modules_load"] = Text(kGuestModulesPath);
  facts["numa_nodes"] = Text("/sys/devices/system/node/online");
  facts["numa_memory"] = Text("/sys/devices/system/node/has_memory");
  facts["threads_of_cpu0"] = Text("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
  facts["extra"] = Text("/extra");
  for (const char* controller : {"nvme0", "nvme1"}) {
    const std::string serial = Text(std::string("/sys/class/nvme/") + controller + "/serial");
    if (serial != kScratchSerial) continue;
    const std::string device = std::string("/dev/") + controller + "n1";
    const bool mounted = ::mount(device.c_str(), "/tmp", "ext4", 0, nullptr) == 0;
    facts["scratch"] = mounted ? "mounted" : std::strerror(errno);
  }
  return facts;
}

// Everything that could differ from one boot to the next: clocks, entropy, addresses, interleaving.
void SayWhatVaries() {
  Json varies = Json::object();
  for (const auto& [name, clock] :
       {std::pair{"realtime", CLOCK_REALTIME}, std::pair{"monotonic", CLOCK_MONOTONIC},
        std::pair{"cputime", CLOCK_PROCESS_CPUTIME_ID}}) {
    timespec now{};
    ::clock_gettime(clock, &now);
    varies[name] = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  }
  uint64_t random = 0;
  if (::getrandom(&random, sizeof random, GRND_NONBLOCK) < 0) random = 0;
  varies["random"] = random;
  varies["address"] = reinterpret_cast<uintptr_t>(&varies);
  varies["boot_id"] = Text("/proc/sys/kernel/random/boot_id");
  varies["stat"] = Text("/proc/stat");
  varies["interrupts"] = Text("/proc/interrupts");

  // Three threads interleave until the first of them has had its rounds: some 100 ms of a guest's
  // CPU time, many slices of its scheduler.
  constexpr uint64_t kRounds = 1'000'000;
  std::atomic<uint64_t> race{0};
  std::atomic<bool> stop{false};
  uint64_t counts[3] = {};
  {
    std::thread threads[3];
    for (int i = 0; i < 3; ++i) {
      threads[i] = std::thread([&, i] {
        while (!stop) {
          race = race * 3 + static_cast<uint64_t>(i);
          if (++counts[i] == kRounds) stop = true;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  varies["race"] = {race.load(), counts[0], counts[1], counts[2]};
  Say(NoteEvent(varies.dump()));
}

void Run(const RunRequest& request) {
  const std::string mode = request.args.value("mode", "speak");
  if (mode == "never-speak") Sleep();
  if (mode == "panic-early") Sysrq("c");
  if (mode == "exit-early") _exit(7);
  if (mode == "stop") BlockStop();  // before anybody knows of us
  Say(HelloEvent(Facts(request)));
  if (mode == "fatal") Say(FatalEvent("no such luck", "try again"));
  int index = 0;
  const int total = static_cast<int>(request.claims.size());
  for (const std::string& id : request.claims) {
    Say(ClaimStartEvent(id, ++index, total, Seconds(request.args.value("budget_s", 1.0))));
    if (index == request.args.value("break_at", 0)) {
      if (mode == "panic") Sysrq("c");
      if (mode == "hang") Sleep();
      if (mode == "stop") SleepUntilStopped(request);
      if (mode == "exit") _exit(7);
      if (mode == "poweroff") ::reboot(RB_POWER_OFF);
      if (mode == "babble") {
        for (;;) Say(NoteEvent(std::string(1000, 'x')));
      }
    }
    if (mode == "varies") SayWhatVaries();
    if (mode == "bulk") Say(NoteEvent(std::string(500'000, 'b')));
    Say(ClaimEvent({{"id", id}, {"verdict", "holds"}}));
  }
  Say(EndEvent(index));
}

int FdArgument(int argc, char** argv, const char* name) {
  for (int i = 1; i + 1 < argc; ++i) {
    int fd = -1;
    const char* value = argv[i + 1];
    if (std::strcmp(argv[i], name) == 0) std::from_chars(value, value + std::strlen(value), fd);
    if (fd >= 0) return fd;
  }
  return -1;
}

int OpenGuestChannel() {
  ::mount("proc", "/proc", "proc", 0, nullptr);
  ::mount("sysfs", "/sys", "sysfs", 0, nullptr);
  ::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
  const int fd = ::open(kGuestEventsPath, O_RDWR | O_NOCTTY);
  termios settings{};
  ::tcgetattr(fd, &settings);
  ::cfmakeraw(&settings);
  ::tcsetattr(fd, TCSANOW, &settings);
  return fd;
}

int Main(int argc, char** argv) {
  const bool guest = ::getpid() == 1;
  events_fd = guest ? OpenGuestChannel() : FdArgument(argc, argv, "--events-fd");
  const auto text = guest ? ReadFile(kGuestRequestPath)
                          : ReadAll(FdArgument(argc, argv, "--request-fd"), "request");
  if (!text) return 4;
  const auto request = ParseRequest(*text);
  if (!request) {
    Say(FatalEvent(request.error().message, ""));
    return 5;
  }
  Run(*request);
  if (!guest) return 0;
  ::tcdrain(events_fd);
  ::reboot(RB_POWER_OFF);
  Sleep();
}

}  // namespace
}  // namespace nodeproof::node

int main(int argc, char** argv) { return nodeproof::node::Main(argc, argv); }
