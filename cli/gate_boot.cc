#include "cli/gate_boot.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "harness/base/file.h"
#include "harness/node/child_process.h"

namespace nodeproof::cli {
namespace {

// Splits what comes from a pipe into lines, hands them on and keeps the last error line.
class Lines {
 public:
  explicit Lines(const LineSink& sink) : sink_(sink) {}

  void Feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n') {
        Finish();
      } else if (partial_.size() < kMost) {
        partial_ += c;
      }
    }
  }
  void Finish() {
    if (partial_.empty()) return;
    if (partial_.starts_with("error: ")) {
      error_ = partial_.substr(7);
    } else {
      sink_(partial_);
    }
    partial_.clear();
  }
  const std::string& error() const { return error_; }

 private:
  static constexpr size_t kMost = 4096;
  const LineSink& sink_;
  std::string partial_;
  std::string error_;
};

// Reads until every writer has gone. True if it was interrupted on the way.
Result<bool> ReadToEnd(const node::ChildProcess& child, int pipe, int interrupt_fd, Lines& lines) {
  bool interrupted = false;
  for (;;) {
    pollfd waiting[] = {{pipe, POLLIN, 0}, {interrupted ? -1 : interrupt_fd, POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return FailErrno(errno, "wait for a boot");
    }
    if (waiting[1].revents != 0) {
      interrupted = true;
      child.Signal(SIGINT);
    }
    if (waiting[0].revents == 0) continue;
    char buffer[16384];
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got > 0) lines.Feed({buffer, static_cast<size_t>(got)});
    if (got == 0) return interrupted;
    if (got < 0 && errno != EINTR && errno != EAGAIN) return FailErrno(errno, "read from a boot");
  }
}

}  // namespace

Result<std::string> SelfPath() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Fail("read /proc/self/exe: {}", error.message());
  return self.string();
}

Result<results::Results> RunBoot(const std::string& program,
                                 const std::vector<std::string>& arguments, const LineSink& sink,
                                 int interrupt_fd) {
  const Fd output = TRY(MemoryFile("results", /*inherited=*/false));
  node::Pipe progress = TRY(node::MakePipe());
  node::SpawnSpec spec;
  spec.argv = {program, "run"};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.argv.emplace_back("--json");
  spec.output = output.get();
  spec.errors = progress.write.get();
  node::ChildProcess child = TRY(node::ChildProcess::Spawn(spec));
  progress.write.Close();
  Lines lines(sink);
  const bool interrupted = TRY(ReadToEnd(child, progress.read.get(), interrupt_fd, lines));
  lines.Finish();
  const int status = child.Wait();
  if (interrupted) return std::unexpected(Error{"interrupted", "", EINTR});
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 2) {
    return Fail("{}",
                lines.error().empty() ? "the run " + node::DescribeStatus(status) : lines.error());
  }
  return results::ParseResults(TRY(ReadAll(output.get(), "a boot's results")), "a boot's results");
}

}  // namespace nodeproof::cli
