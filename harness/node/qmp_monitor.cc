#include "harness/node/qmp_monitor.h"

#include <sys/socket.h>

#include <cerrno>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

constexpr size_t kMaxLine = 1 << 20;

std::string TextAt(const Json& json, const char* pointer) {
  const Json::json_pointer where(pointer);
  return json.contains(where) && json.at(where).is_string() ? json.at(where).get<std::string>()
                                                            : "";
}

std::string VersionOf(const Json& greeting) {
  const Json::json_pointer where("/QMP/version/qemu");
  if (!greeting.contains(where)) return "";
  const Json& numbers = greeting.at(where);
  const std::string package = TextAt(greeting, "/QMP/version/package");
  return fmt::format("{}.{}.{}{}", numbers.value("major", 0), numbers.value("minor", 0),
                     numbers.value("micro", 0),
                     package.empty() ? "" : fmt::format(" ({})", package));
}

}  // namespace

void QmpMonitor::Read() {
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      closed_ = true;
      return;
    }
    partial_.append(buffer, static_cast<size_t>(got));
    size_t end = 0;
    while ((end = partial_.find('\n')) != std::string::npos) {
      TakeLine(std::string_view(partial_).substr(0, end));
      partial_.erase(0, end + 1);
    }
    if (partial_.size() > kMaxLine) partial_.clear();
  }
}

void QmpMonitor::TakeLine(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return;
  if (json.contains("QMP")) {
    version_ = VersionOf(json);
    Send(R"({"execute":"qmp_capabilities"})");
  }
  const std::string event = TextAt(json, "/event");
  // A stop may have many reasons; the status tells an accelerator's error from the others.
  if (event == "STOP") Send(R"({"execute":"query-status"})");
  if (event == "SHUTDOWN") shutdown_reason_ = TextAt(json, "/data/reason");
  if (TextAt(json, "/return/status") == "internal-error") internal_error_ = true;
}

void QmpMonitor::Send(std::string_view command) {
  const std::string line = fmt::format("{}\n", command);
  // A command of a few bytes into an empty socket buffer goes whole; if QEMU is gone, closed_ or
  // its exit says so.
  [[maybe_unused]] const ssize_t put =
      ::send(socket_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace nodeproof::node
