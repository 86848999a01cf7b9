// What QEMU says about itself on its machine protocol: version, internal errors, why it stopped.
#pragma once

#include <string>

#include "harness/base/fd.h"
#include "harness/node/protocol.h"

namespace nodeproof::node {

class QmpMonitor {
 public:
  // `socket` is our end of a connected socket pair, non-blocking.
  explicit QmpMonitor(Fd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  // Takes what has arrived. Never blocks.
  void Read();

  // True once nothing more will come.
  bool closed() const { return closed_; }
  // "7.2.22 (Debian 1:7.2+dfsg-7)", empty before the greeting.
  const std::string& version() const { return version_; }
  // A vCPU stopped with an error of the accelerator ("internal-error").
  bool internal_error() const { return internal_error_; }
  // "guest-shutdown", "guest-reset", "host-signal", …; empty while the guest runs.
  const std::string& shutdown_reason() const { return shutdown_reason_; }

 private:
  void TakeLine(std::string_view line);
  void Send(std::string_view command);

  Fd socket_;
  std::string partial_;
  bool closed_ = false;
  std::string version_;
  bool internal_error_ = false;
  std::string shutdown_reason_;
};

}  // namespace nodeproof::node
