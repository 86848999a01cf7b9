// A run on this machine: the agent as a child process. First it is made sure that the kernel's
// unified cgroup hierarchy is there, has the controllers and may be written.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/node/agent_session.h"
#include "harness/node/node.h"

namespace nodeproof::node {

// Where the machine describes itself; tests put a fake tree here.
struct HostPaths {
  std::string mountinfo = "/proc/self/mountinfo";
  std::string own_cgroup = "/proc/self/cgroup";
  std::string root;  // put before every path that mountinfo names
};

// The cgroup below which a run may build its tree.
struct HostHierarchy {
  std::string mount;   // of cgroup2
  std::string cgroup;  // a directory: the mount itself, or the delegated cgroup that we are below
  std::vector<std::string> controllers;  // those it offers
};

// The controllers that any run needs.
const std::vector<std::string>& NeededControllers();  // cpu, cpuset, memory, pids

// Checks that this machine can run claims. An Error names what is missing: no cgroup2 mount; a
// controller that it does not offer and, where it is bound to a v1 mount (hybrid hierarchies), that
// mount; a file that may not be written; a delegated cgroup that turns a controller on for no
// child. Nothing is changed.
Result<HostHierarchy> CheckHost(const HostPaths& paths = {});

// Whether the cgroup hands its children what any run needs: without, every claim is `unsupported`
// there. An Error names the controllers that are off and how to turn them on.
Status CheckTurnedOn(const HostHierarchy& host);

class HostNode : public Node {
 public:
  // `agent` is the path of nodeproof-agent. Errors: CheckHost's; the agent cannot be executed.
  static Result<std::unique_ptr<HostNode>> Create(const std::string& agent,
                                                  const Patience& patience = {},
                                                  const HostPaths& paths = {});

  // A node without a hierarchy, for benchmarks that need none; `why` says what is missing. It
  // refuses claims. Errors: the agent cannot be executed.
  static Result<std::unique_ptr<HostNode>> CreateWithoutCgroups(const std::string& agent,
                                                                const std::string& why);

  std::string_view kind() const override { return "host"; }

  // Starts the agent with --request-fd N --events-fd M --cgroup-root DIR. On a cancel, and when it
  // falls silent, it gets SIGTERM and a minute to take its cgroups down. Errors: the deterministic
  // lane, modules and scratch disks are for VMs only; the agent cannot be started.
  Result<RunOutcome> Run(const RunRequest& request, EventSink& sink, int cancel_fd) override;

  const HostHierarchy& hierarchy() const { return hierarchy_; }

  // A node without the checks, for tests of how the agent is started and heard.
  static std::unique_ptr<HostNode> Unchecked(const std::string& agent, const Patience& patience);

 private:
  HostNode() = default;

  std::string agent_;
  Patience patience_;
  HostHierarchy hierarchy_;
  std::string why_no_cgroups_;
};

enum class NodeChoice { kAuto, kHost, kVm };
Result<NodeChoice> ParseNodeChoice(std::string_view text);  // "auto", "host", "vm"

struct ChosenNode {
  NodeChoice node = NodeChoice::kVm;  // kHost or kVm
  std::string why;                    // one line
};

// --node: `kHost` fails with CheckHost's Error where that cannot be; `kAuto` takes the VM then, and
// where CheckTurnedOn fails, and says why. `vm_only` is what only a VM can do ("the deterministic
// lane"), or empty.
Result<ChosenNode> ChooseNode(NodeChoice choice, std::string_view vm_only,
                              const HostPaths& paths = {});

}  // namespace nodeproof::node
