// Where a run happens. A Node takes a request, has the agent carry it out, and hands on the agent's
// events as they come: HostNode on this machine, VmNode in a guest that it boots.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/node/protocol.h"

namespace nodeproof::node {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Called on the thread that called Run, in the order of the events. The node's own remarks (a
  // boot tried again, KVM given up) come as notes too. `hello` comes once per run of the agent.
  virtual void OnEvent(const Event& event) = 0;
};

enum class Ending {
  kComplete,   // the agent said `end`
  kCancelled,  // the caller asked for it
  kFatal,      // the agent said `fatal`: reason and hint are its words
  kDied,       // the guest panicked or powered off, or the agent exited, before `end`
  kSilent,     // nothing was heard for too long
};
std::string_view ToString(Ending ending);  // "complete", "cancelled", …

struct RunOutcome {
  Ending ending = Ending::kComplete;
  std::string reason;       // one line, empty for kComplete
  std::string hint;         // what to do, if known
  int claims_finished = 0;  // `claim` events handed on
  // The claim that had started and not finished when the run broke off: the caller marks it as an
  // error and may run the claims after it anew.
  std::optional<std::string> during_claim;
  // The run broke off because of a known fault of the emulator (VmNode says which in `reason`), not
  // of the kernel: the claim says nothing and may be run again.
  bool emulator_fault = false;
  int boots = 0;                // of the VM, failed ones included; 0 on the host
  std::string console;          // the last lines of the guest's console
  Json facts = Json::object();  // VM: accelerator, qemu, shape, kernel, argv, boots, boot_s
};

class Node {
 public:
  virtual ~Node() = default;
  virtual std::string_view kind() const = 0;  // "host", "vm"

  // Carries out one request. `cancel_fd` ends the run when it becomes readable (an eventfd, a
  // pipe, a signalfd); -1 for none. Returns when nothing that was started runs any more.
  // An Error means that the run could not begin (set-up, boot); a run that began and broke off is
  // an outcome.
  virtual Result<RunOutcome> Run(const RunRequest& request, EventSink& sink, int cancel_fd) = 0;
};

}  // namespace nodeproof::node
