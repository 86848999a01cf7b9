#include "harness/node/vm_boot.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>

#include "harness/base/file.h"
#include "harness/node/child_process.h"
#include "harness/node/qmp_monitor.h"

namespace nodeproof::node {
namespace {

constexpr size_t kConsoleKept = 32 << 10;
constexpr size_t kOutputKept = 8 << 10;
constexpr size_t kLongestLine = 200;     // of a console line in a message
constexpr size_t kReadAtOnce = 1 << 20;  // from one channel before the others get their turn

// The end of a text that may be long.
class Tail {
 public:
  explicit Tail(size_t kept) : kept_(kept) {}
  void Append(std::string_view bytes) {
    text_.append(bytes);
    if (text_.size() > 2 * kept_) text_.erase(0, text_.size() - kept_);
  }
  const std::string& text() const { return text_; }

 private:
  size_t kept_;
  std::string text_;
};

// The reading end of a pipe from QEMU.
class Channel {
 public:
  explicit Channel(Fd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }  // -1 once the other end is closed

  void Read(const std::function<void(std::string_view)>& take) {
    char buffer[65536];
    for (size_t total = 0; fd_.valid() && total < kReadAtOnce;) {
      const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) {
        fd_.Close();
        return;
      }
      total += static_cast<size_t>(got);
      take(std::string_view(buffer, static_cast<size_t>(got)));
    }
  }

 private:
  Fd fd_;
};

// Whether a process has the file that `fd` is open at mapped. True also where it has ended.
bool HasMapped(pid_t pid, int fd) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), error);
  const auto maps = ReadFile(fmt::format("/proc/{}/maps", pid));
  if (!maps) return maps.error().code == ENOENT || maps.error().code == ESRCH;
  return maps->empty() || (!error && maps->contains(path.string()));
}

class Boot {
 public:
  Boot(const Patience& patience, const Clock& clock, EventSink& sink, int cancel_fd, Fd events,
       Fd console, Fd output, Fd qmp)
      : clock_(clock),
        cancel_fd_(cancel_fd),
        started_(clock.Now()),
        session_(sink, clock, patience),
        events_(std::move(events)),
        console_(std::move(console)),
        output_(std::move(output)),
        qmp_(std::move(qmp)) {}

  // `preloaded`: a library that must be in QEMU, or -1.
  BootReport Watch(ChildProcess qemu, int preloaded) {
    for (;;) {
      WaitForNews(qemu.pidfd());
      if (cancelled_) return Report(qemu, Ending::kCancelled, "cancelled");
      ReadAllChannels();
      if (preloaded >= 0 && !qmp_.version().empty()) {
        qemu_failed_ = !HasMapped(qemu.pid(), preloaded);
        if (qemu_failed_) {
          return Report(qemu, Ending::kDied,
                        "QEMU does not take LD_PRELOAD, without which the deterministic lane does "
                        "not repeat; use one that is not privileged, or --lane realtime");
        }
        preloaded = -1;
      }
      if (session_.over()) return Report(qemu, Ending::kComplete, "");
      if (qmp_.internal_error()) {
        return Report(qemu, Ending::kDied, "a vCPU stopped with an internal error of KVM");
      }
      if (ended_) {
        const int status = qemu.Wait();
        // What the guest wrote last is still in the pipes.
        while (events_.fd() >= 0 || console_.fd() >= 0 || output_.fd() >= 0) ReadAllChannels();
        session_.Finish();
        qemu_failed_ = qmp_.shutdown_reason().empty() && status != 0;
        return Report(qemu, Ending::kDied, WhyItDied(status));
      }
      if (clock_.Now() >= session_.deadline()) {
        return Report(qemu, Ending::kSilent, WhySilent());
      }
    }
  }

 private:
  // Waits for something to read, for QEMU's end, or for the deadline.
  void WaitForNews(int pidfd) {
    pollfd fds[] = {{cancel_fd_, POLLIN, 0},   {pidfd, POLLIN, 0},
                    {events_.fd(), POLLIN, 0}, {console_.fd(), POLLIN, 0},
                    {output_.fd(), POLLIN, 0}, {qmp_.closed() ? -1 : qmp_.fd(), POLLIN, 0}};
    const PollSpan span(clock_, session_.deadline());
    const bool ready = ::poll(fds, std::size(fds), span.timeout()) > 0;
    session_.Excuse(span.StoodStill());
    cancelled_ = ready && fds[0].revents != 0;
    ended_ = ready && fds[1].revents != 0;
  }

  void ReadAllChannels() {
    events_.Read([&](std::string_view bytes) {
      session_.Feed(bytes);
      if (session_.said_hello() && until_hello_ == Nanoseconds(0)) {
        until_hello_ = clock_.Now() - started_;
      }
    });
    console_.Read([&](std::string_view bytes) { console_text_.Append(bytes); });
    output_.Read([&](std::string_view bytes) { output_text_.Append(bytes); });
    if (!qmp_.closed()) qmp_.Read();
  }

  std::string WhyItDied(int status) const {
    const std::string where = session_.Where();
    if (qemu_failed_) {
      return fmt::format("QEMU {} {}: {}", DescribeStatus(status), where,
                         LastLines(output_text_.text(), 3));
    }
    if (const std::string panic = FindPanic(console_text_.text()); !panic.empty()) {
      return fmt::format("the guest kernel panicked {}: {}", where, panic);
    }
    const bool reset = qmp_.shutdown_reason() == "guest-reset";
    return fmt::format("the guest {} {}", reset ? "rebooted" : "powered off", where);
  }

  std::string WhySilent() const {
    if (const std::string panic = FindPanic(console_text_.text()); !panic.empty()) {
      return fmt::format("the guest kernel is stuck {}: {}", session_.Where(), panic);
    }
    return fmt::format("the guest fell silent {}", session_.Where());
  }

  BootReport Report(ChildProcess& qemu, Ending ending, std::string reason) {
    qemu.Kill();
    ReadAllChannels();
    BootReport report;
    report.outcome = session_.Outcome(ending, std::move(reason));
    report.outcome.console = console_text_.text();
    report.said_hello = session_.said_hello();
    report.qemu_failed = qemu_failed_;
    report.internal_error = qmp_.internal_error();
    report.qemu_version = qmp_.version();
    report.until_hello = until_hello_;
    return report;
  }

  const Clock& clock_;
  int cancel_fd_;
  Nanoseconds started_;
  AgentSession session_;
  Channel events_;
  Channel console_;
  Channel output_;
  QmpMonitor qmp_;
  Tail console_text_{kConsoleKept};
  Tail output_text_{kOutputKept};
  Nanoseconds until_hello_{0};
  bool cancelled_ = false;
  bool ended_ = false;
  bool qemu_failed_ = false;
};

}  // namespace

std::string FindPanic(std::string_view console) {
  for (const std::string_view sign : {"Kernel panic - not syncing: ", "Oops: ", "BUG: "}) {
    const size_t at = console.find(sign);
    if (at != std::string_view::npos) {
      const std::string_view rest = console.substr(at);
      return LastLines(rest.substr(0, rest.find('\n')), 1);
    }
  }
  return "";
}

bool DiedOfStaleTranslation(std::string_view console, std::string_view qemu_version) {
  const size_t oops = console.find("Oops: ");
  if (oops == std::string_view::npos || !console.substr(oops).starts_with("Oops: int3")) {
    return false;
  }
  const auto parts = Split(qemu_version.substr(0, qemu_version.find(' ')), '.');
  if (parts.size() < 2) return false;
  const auto major = ParseInt(parts[0]);
  const auto minor = ParseInt(parts[1]);
  return major && minor && std::pair(*major, *minor) < std::pair<int64_t, int64_t>(8, 1);
}

std::string LastLines(std::string_view text, size_t count) {
  std::vector<std::string> lines;
  for (const std::string_view raw : Split(text, '\n')) {
    std::string line(Trim(raw).substr(0, kLongestLine));
    std::erase_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (!line.empty()) lines.push_back(std::move(line));
  }
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<int64_t>(count));
  return fmt::format("{}", fmt::join(lines, " | "));
}

Result<BootReport> BootGuest(QemuCommand command, const Patience& patience, const Clock& clock,
                             EventSink& sink, int cancel_fd) {
  Pipe events = TRY(MakePipe());
  Pipe console = TRY(MakePipe());
  Pipe output = TRY(MakePipe());
  int qmp[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) != 0) {
    return FailErrno(errno, "make a socket pair");
  }
  Fd qmp_ours(qmp[0]);
  Fd qmp_theirs(qmp[1]);
  command.events = events.write.get();
  command.console = console.write.get();
  command.qmp = qmp_theirs.get();

  SpawnSpec spec;
  spec.argv = QemuArgv(command);
  spec.inherited = {command.initramfs, command.events, command.console, command.qmp};
  for (const int fd : {command.unpacked_kernel, command.scratch, command.still_clock}) {
    if (fd >= 0) spec.inherited.push_back(fd);
  }
  spec.output = output.write.get();
  Boot boot(patience, clock, sink, cancel_fd, std::move(events.read), std::move(console.read),
            std::move(output.read), std::move(qmp_ours));
  ChildProcess qemu = TRY(ChildProcess::Spawn(spec));
  events.write.Close();  // now only QEMU can write: its end is the end of the stream
  console.write.Close();
  output.write.Close();
  qmp_theirs.Close();
  BootReport report = boot.Watch(std::move(qemu), command.still_clock);
  report.argv = spec.argv;
  return report;
}

}  // namespace nodeproof::node
