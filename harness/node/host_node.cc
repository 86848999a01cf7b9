#include "harness/node/host_node.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mounts.h"
#include "harness/node/child_process.h"
#include "harness/node/vm_boot.h"

namespace nodeproof::node {
namespace {

// After SIGTERM, before SIGKILL. The agent may take 30 s to end its session and 30 s to empty the
// cgroups (cgroup::Process::Kill, cgroup::Cgroup::Destroy): killed sooner it would leave them.
constexpr Seconds kTearDown{70};
constexpr const char* kUseVm = "use --node vm";
constexpr const char* kDelegate =
    "run as root, or in a child of a delegated cgroup (Delegate=yes) in whose "
    "cgroup.subtree_control cpu, cpuset, memory and pids are on, or use --node vm";
constexpr const char* kBootUnified =
    "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all, or use --node vm";

bool Has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Our own cgroup in the unified hierarchy: "/user.slice/…" of the line "0::/user.slice/…".
Result<std::string> OwnCgroup(const std::string& path) {
  const std::string text = TRY(ReadFile(path));
  for (const std::string_view line : Split(text, '\n')) {
    if (line.starts_with("0::")) return std::string(line.substr(3));
  }
  return Fail("{} has no line '0::…' for the unified hierarchy", path);
}

std::string JoinPath(const std::string& directory, std::string_view below) {
  while (below.starts_with('/')) below.remove_prefix(1);
  return below.empty() ? directory : fmt::format("{}/{}", directory, below);
}

// " (bound to cgroup v1 at /sys/fs/cgroup/cpu)", or nothing.
std::string BoundTo(const std::vector<Mount>& mounts, const std::string& controller) {
  for (const Mount& mount : mounts) {
    if (mount.type == "cgroup" && mount.HasOption(controller)) {
      return fmt::format(" (bound to cgroup v1 at {})", mount.point);
    }
  }
  return "";
}

Status CheckControllers(const std::vector<std::string>& offered, const std::string& file,
                        const std::vector<Mount>& mounts) {
  std::vector<std::string> missing;
  bool bound = false;
  for (const std::string& controller : NeededControllers()) {
    if (Has(offered, controller)) continue;
    const std::string where = BoundTo(mounts, controller);
    bound = bound || !where.empty();
    missing.push_back(controller + where);
  }
  if (missing.empty()) return {};
  return std::unexpected(Error{fmt::format("{} does not offer {}", file, fmt::join(missing, ", ")),
                               bound ? kBootUnified : kUseVm, 0});
}

Status CheckWritable(const std::string& cgroup) {
  for (const char* file : {"", "cgroup.procs", "cgroup.subtree_control"}) {
    const std::string path = JoinPath(cgroup, file);
    if (::access(path.c_str(), W_OK) != 0) {
      return std::unexpected(
          WithHint(FailErrno(errno, fmt::format("{} cannot be written", path)).error(), kDelegate));
    }
  }
  return {};
}

Result<std::vector<std::string>> ReadWords(const std::string& path) {
  const std::string text = TRY(ReadFile(path));
  std::vector<std::string> words;
  for (const std::string_view word : Words(text)) words.emplace_back(word);
  return words;
}

// Of the controllers that any run needs, those that `cgroup` does not hand its children.
Result<std::vector<std::string>> TurnedOff(const std::string& cgroup) {
  const auto on = TRY(ReadWords(cgroup + "/cgroup.subtree_control"));
  std::vector<std::string> off = NeededControllers();
  std::erase_if(off, [&](const std::string& name) { return Has(on, name); });
  return off;
}

// The nearest cgroup at or above our own that was delegated to us and hands its children the needed
// controllers. That is never the one we are in (cgroup-v2.rst, "No Internal Process Constraint").
Result<std::string> FindDelegated(const std::string& mount, const std::string& own) {
  std::vector<std::string> off;  // in our own cgroup
  for (std::string below = own; below.size() > 1; below.resize(below.rfind('/'))) {
    const std::string cgroup = JoinPath(mount, below);
    if (!off.empty() && !CheckWritable(cgroup)) break;
    std::vector<std::string> missing = TRY(TurnedOff(cgroup));
    if (missing.empty()) return cgroup;
    if (off.empty()) off = std::move(missing);
  }
  return std::unexpected(Error{fmt::format("{}/cgroup.subtree_control does not have {} on",
                                           JoinPath(mount, own), fmt::join(off, ", ")),
                               kDelegate, 0});
}

class Watch {
 public:
  Watch(ChildProcess agent, Pipe events, Pipe output, AgentSession& session, const Clock& clock)
      : agent_(std::move(agent)),
        events_(std::move(events.read)),
        output_(std::move(output.read)),
        session_(session),
        clock_(clock) {}

  RunOutcome Run(int cancel_fd) {
    bool asked = false;  // to cancel
    for (;;) {
      pollfd fds[] = {{asked ? -1 : cancel_fd, POLLIN, 0},
                      {agent_.pidfd(), POLLIN, 0},
                      {events_.get(), POLLIN, 0},
                      {output_.get(), POLLIN, 0}};
      const bool ready = WaitForNews(fds, std::size(fds));
      ReadBoth();
      if (ready && fds[0].revents != 0) {
        asked = true;
        cancelled_ = !session_.over();
        Stop();
      } else if (session_.over() && !tear_down_) {
        AllowTearDown();
      }
      if (ready && fds[1].revents != 0) {
        const int status = agent_.Wait();
        ReadBoth();
        if (!silent_) session_.Finish();
        return Outcome(Ending::kDied, WhyItDied(status));
      }
      if (clock_.Now() < Deadline()) continue;
      if (stopped_) {
        agent_.Kill();
        return Outcome(Ending::kDied, "the agent did not end");
      }
      if (!session_.over()) silent_ = fmt::format("the agent fell silent {}", session_.Where());
      Stop();
    }
  }

 private:
  Nanoseconds Deadline() const { return tear_down_.value_or(session_.deadline()); }

  // Waits for something to read, for the agent's end, or for the deadline.
  bool WaitForNews(pollfd* fds, size_t count) {
    const PollSpan span(clock_, Deadline());
    const bool ready = ::poll(fds, count, span.timeout()) > 0;
    const Nanoseconds stood_still = span.StoodStill();
    session_.Excuse(stood_still);
    if (tear_down_) *tear_down_ += stood_still;
    return ready;
  }

  // The agent takes its cgroups down then.
  void Stop() {
    if (stopped_) return;
    stopped_ = true;
    agent_.Signal(SIGTERM);
    AllowTearDown();
  }

  void AllowTearDown() {
    tear_down_ = clock_.Now() + std::chrono::duration_cast<Nanoseconds>(kTearDown);
  }

  RunOutcome Outcome(Ending ending, std::string reason) const {
    if (cancelled_) return Cancelled();
    if (silent_) return session_.Outcome(Ending::kSilent, *silent_);
    return session_.Outcome(ending, std::move(reason));
  }

  // An agent that is stopped says `fatal: stopped by a signal`, which is our own doing.
  RunOutcome Cancelled() const {
    RunOutcome outcome = session_.Outcome(Ending::kCancelled, "cancelled");
    if (outcome.ending == Ending::kFatal) {
      outcome.ending = Ending::kCancelled;
      outcome.reason = "cancelled";
      outcome.hint.clear();
    }
    return outcome;
  }

  // What a silent agent says after all comes too late: the run goes on without it.
  void ReadBoth() {
    ReadPipe(events_, [&](std::string_view bytes) {
      if (!silent_) session_.Feed(bytes);
    });
    ReadPipe(output_, [&](std::string_view bytes) {
      output_text_.append(bytes);
      if (output_text_.size() > 16384) output_text_.erase(0, output_text_.size() - 8192);
    });
  }

  // Takes what is there; closes `fd` at the end of the stream.
  template <typename Take>
  static void ReadPipe(Fd& fd, const Take& take) {
    char buffer[65536];
    while (fd.valid()) {
      const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return fd.Close();
      take(std::string_view(buffer, static_cast<size_t>(got)));
    }
  }

  std::string WhyItDied(int status) const {
    const std::string words = LastLines(output_text_, 3);
    return fmt::format("the agent {} {}{}{}", DescribeStatus(status), session_.Where(),
                       words.empty() ? "" : ": ", words);
  }

  ChildProcess agent_;
  Fd events_;
  Fd output_;
  AgentSession& session_;
  const Clock& clock_;
  std::string output_text_;
  bool stopped_ = false;                  // has been sent SIGTERM
  bool cancelled_ = false;                // before the agent had come to an end of its own
  std::optional<std::string> silent_;     // why it was stopped
  std::optional<Nanoseconds> tear_down_;  // when patience with the tear-down ends
};

Status CheckExecutable(const std::string& agent) {
  if (::access(agent.c_str(), X_OK) == 0) return {};
  return FailErrno(errno, fmt::format("the agent {} cannot be executed", agent));
}

}  // namespace

const std::vector<std::string>& NeededControllers() {
  static const std::vector<std::string> needed = {"cpu", "cpuset", "memory", "pids"};
  return needed;
}

Result<HostHierarchy> CheckHost(const HostPaths& paths) {
  const auto mounts = TRY(ReadMounts(paths.mountinfo));
  const Mount* unified = FindMount(mounts, "cgroup2");
  if (unified == nullptr) {
    return std::unexpected(Error{
        fmt::format("no cgroup2 file system is mounted ({})", paths.mountinfo), kBootUnified, 0});
  }
  HostHierarchy hierarchy;
  hierarchy.mount = paths.root + unified->point;
  hierarchy.cgroup = hierarchy.mount;
  hierarchy.controllers = TRY(ReadWords(hierarchy.mount + "/cgroup.controllers"));
  TRY(CheckControllers(hierarchy.controllers, hierarchy.mount + "/cgroup.controllers", mounts));
  if (CheckWritable(hierarchy.mount)) return hierarchy;

  // Not root, or a read-only root: what was delegated to us must do.
  const std::string own = TRY(OwnCgroup(paths.own_cgroup));
  hierarchy.cgroup = JoinPath(hierarchy.mount, own);
  TRY(CheckWritable(hierarchy.cgroup));
  hierarchy.controllers = TRY(ReadWords(hierarchy.cgroup + "/cgroup.controllers"));
  TRY(CheckControllers(hierarchy.controllers, hierarchy.cgroup + "/cgroup.controllers", mounts));
  hierarchy.cgroup = TRY(FindDelegated(hierarchy.mount, own));
  return hierarchy;
}

Status CheckTurnedOn(const HostHierarchy& host) {
  const auto off = TRY(TurnedOff(host.cgroup));
  if (off.empty()) return {};
  const std::string file = host.cgroup + "/cgroup.subtree_control";
  return std::unexpected(
      Error{fmt::format("{} does not have {} on", file, fmt::join(off, ", ")),
            fmt::format("turn on with: echo +{} > {}", fmt::join(off, " +"), file), 0});
}

Result<std::unique_ptr<HostNode>> HostNode::Create(const std::string& agent,
                                                   const Patience& patience,
                                                   const HostPaths& paths) {
  HostHierarchy hierarchy = TRY(CheckHost(paths));
  TRY(CheckExecutable(agent));
  auto node = Unchecked(agent, patience);
  node->hierarchy_ = std::move(hierarchy);
  return node;
}

Result<std::unique_ptr<HostNode>> HostNode::CreateWithoutCgroups(const std::string& agent,
                                                                 const std::string& why) {
  TRY(CheckExecutable(agent));
  auto node = Unchecked(agent, {});
  node->why_no_cgroups_ = why;
  return node;
}

std::unique_ptr<HostNode> HostNode::Unchecked(const std::string& agent, const Patience& patience) {
  std::unique_ptr<HostNode> node(new HostNode);
  node->agent_ = agent;
  node->patience_ = patience;
  return node;
}

Result<RunOutcome> HostNode::Run(const RunRequest& request, EventSink& sink, int cancel_fd) {
  const auto vm_only = [](const char* what) {
    return std::unexpected(Error{fmt::format("{} a VM", what), kUseVm, 0});
  };
  if (request.lane == Lane::kDeterministic) return vm_only("the deterministic lane needs");
  if (request.scratch.value > 0) return vm_only("a scratch disk needs");
  if (!request.modules.empty()) return vm_only("kernel modules are loaded only in");

  RunRequest sent = request;
  sent.why_no_cgroups = why_no_cgroups_;
  const Fd request_file = TRY(MemoryFile("nodeproof-request", /*inherited=*/false));
  TRY(WriteAll(request_file.get(), FormatRequest(sent), "the request"));
  if (::lseek(request_file.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "rewind the request");
  Pipe events = TRY(MakePipe());
  Pipe output = TRY(MakePipe());
  SpawnSpec spec;
  spec.argv = {agent_,
               "--request-fd",
               fmt::format("{}", request_file.get()),
               "--events-fd",
               fmt::format("{}", events.write.get()),
               "--cgroup-root",
               hierarchy_.cgroup};
  spec.inherited = {request_file.get(), events.write.get()};
  spec.output = output.write.get();
  AgentSession session(sink, MonotonicClock(), patience_);
  ChildProcess agent = TRY(ChildProcess::Spawn(spec));
  events.write.Close();
  output.write.Close();
  RunOutcome outcome =
      Watch(std::move(agent), std::move(events), std::move(output), session, MonotonicClock())
          .Run(cancel_fd);
  outcome.facts = {{"cgroup", hierarchy_.cgroup}, {"argv", spec.argv}};
  if (!session.said_hello() && outcome.ending == Ending::kDied) return Fail("{}", outcome.reason);
  return outcome;
}

Result<NodeChoice> ParseNodeChoice(std::string_view text) {
  if (text == "auto") return NodeChoice::kAuto;
  if (text == "host") return NodeChoice::kHost;
  if (text == "vm") return NodeChoice::kVm;
  return Fail("unknown node '{}': it is 'auto', 'host' or 'vm'", text);
}

Result<ChosenNode> ChooseNode(NodeChoice choice, std::string_view vm_only, const HostPaths& paths) {
  if (choice == NodeChoice::kVm) return ChosenNode{NodeChoice::kVm, "a VM, as asked for"};
  if (!vm_only.empty()) {
    if (choice == NodeChoice::kAuto) {
      return ChosenNode{NodeChoice::kVm, fmt::format("a VM, for {}", vm_only)};
    }
    return std::unexpected(Error{fmt::format("{} needs a VM", vm_only), kUseVm, 0});
  }
  const auto host = CheckHost(paths);
  // Who asks for the host is told claim by claim what is off; else that would be no choice at all.
  Status usable;
  if (!host) {
    usable = std::unexpected(host.error());
  } else if (choice == NodeChoice::kAuto) {
    usable = CheckTurnedOn(*host);
  }
  if (usable) {
    return ChosenNode{NodeChoice::kHost, fmt::format("this machine, below {}", host->cgroup)};
  }
  if (choice == NodeChoice::kAuto) {
    return ChosenNode{NodeChoice::kVm,
                      fmt::format("a VM, because here {}", usable.error().message)};
  }
  return std::unexpected(usable.error());
}

}  // namespace nodeproof::node
