// One boot of a guest: QEMU from its start to its end, heard on two serial ports and QMP.
#pragma once

#include <string>

#include "harness/base/clock.h"
#include "harness/node/agent_session.h"
#include "harness/node/node.h"
#include "harness/node/qemu_command.h"

namespace nodeproof::node {

struct BootReport {
  RunOutcome outcome;
  bool said_hello = false;
  bool qemu_failed = false;     // QEMU itself ended with an error; the guest is not to blame
  bool internal_error = false;  // the accelerator could not run the guest
  std::string qemu_version;
  Seconds until_hello{0};
  std::vector<std::string> argv;
};

// Boots `command` (whose events, console and QMP descriptors are made here; the others stay the
// caller's) and stays until the agent is done, the guest has died or fallen silent, or
// `cancel_fd` polls readable. QEMU is dead when this returns, and dies with this thread whatever
// happens. Errors: QEMU cannot be started, or no pipe or socket can be had.
Result<BootReport> BootGuest(QemuCommand command, const Patience& patience, const Clock& clock,
                             EventSink& sink, int cancel_fd);

// The kernel's own word on a panic or oops in its console output, or empty.
std::string FindPanic(std::string_view console);

// Whether a guest under multi-threaded TCG died of a stale translation: QEMU before 8.1 reads code
// for translation without the page lock, so that a CPU may go on executing the breakpoint that the
// kernel had put there for an instant while it flipped a static key. No kernel leaves one behind.
bool DiedOfStaleTranslation(std::string_view console, std::string_view qemu_version);

// The last `count` lines that say anything, without control characters, joined by " | ".
std::string LastLines(std::string_view text, size_t count);

}  // namespace nodeproof::node
