#include "cli/run_loop.h"

#include <algorithm>
#include <cerrno>

#include "cli/paths.h"
#include "cli/run_record.h"
#include "cli/shape_choice.h"
#include "harness/base/file.h"
#include "harness/node/host_node.h"

namespace nodeproof::cli {
namespace {

constexpr Bytes kScratchSize = MiB(1024);
// Boots that the emulator may spoil in one run. With the fault that is known, seen in 2 of about 60
// boots before guests held their static keys, a fourth in one run is something else.
constexpr int kMostEmulatorFaults = 3;

// The head of `remaining` that shares one shape.
std::vector<WorkItem> NextOfOneShape(const std::vector<WorkItem>& remaining) {
  const auto end = std::find_if(remaining.begin(), remaining.end(), [&](const WorkItem& item) {
    return item.shape != remaining.front().shape;
  });
  return {remaining.begin(), end};
}

// The part of `work` that one request can ask for: whole repetitions, or the rest of a broken one.
void AskFor(const std::vector<WorkItem>& work, node::RunRequest& request) {
  // The last repetition is always whole.
  const auto claims =
      static_cast<size_t>(std::count_if(work.begin(), work.end(), [&](const WorkItem& item) {
        return item.iteration == work.back().iteration;
      }));
  const auto first =
      static_cast<size_t>(std::count_if(work.begin(), work.end(), [&](const WorkItem& item) {
        return item.iteration == work.front().iteration;
      }));
  const bool broken = work.front().iteration != work.back().iteration && first < claims;
  request.repeat = broken ? 1 : static_cast<int>(work.size() / claims);
  request.claims.clear();
  request.benchmarks.clear();
  for (size_t i = 0; i < first; ++i) {
    const CatalogEntry& entry = *work[i].claim;
    (entry.benchmark ? request.benchmarks : request.claims).push_back(entry.id);
  }
}

bool NeedsScratch(const node::Node& node, const node::RunRequest& request,
                  const std::vector<WorkItem>& work) {
  if (node.kind() != "vm" || request.lane == node::Lane::kDeterministic) return false;
  return std::any_of(work.begin(), work.end(),
                     [](const WorkItem& item) { return item.claim->needs_scratch; });
}

}  // namespace

Result<ChosenNode> MakeNode(const RunOptions& options, bool needs_cgroups) {
  const auto wanted = TRY(node::ParseNodeChoice(options.node));
  if (!needs_cgroups && wanted != node::NodeChoice::kVm && VmOnly(options).empty()) {
    if (const auto host = node::CheckHost(); !host) {
      return ChosenNode{TRY(node::HostNode::CreateWithoutCgroups(TRY(AgentPath()).string(),
                                                                 host.error().message)),
                        nullptr, "",
                        "this machine, only what needs no cgroup v2: " + host.error().ToString()};
    }
  }
  // Such benchmarks are worth something here also where controllers are off.
  const bool here = !needs_cgroups && wanted == node::NodeChoice::kAuto && VmOnly(options).empty();
  const node::ChosenNode chosen =
      TRY(node::ChooseNode(here ? node::NodeChoice::kHost : wanted, VmOnly(options)));
  ChosenNode made{nullptr, nullptr, "", wanted == node::NodeChoice::kAuto ? chosen.why : ""};
  if (chosen.node == node::NodeChoice::kHost) {
    made.node = TRY(node::HostNode::Create(TRY(AgentPath()).string()));
    return made;
  }
  auto vm = node::VmNode::Create(TRY(MakeVmOptions(options)));
  // Who did not ask for a VM should hear why one is needed.
  if (!vm && wanted == node::NodeChoice::kAuto) {
    vm.error().message += fmt::format(" (to run in {})", chosen.why);
  }
  std::unique_ptr<node::VmNode> guest = TRY(std::move(vm));
  made.shape = guest->shape().name;
  // Where a guest has one CPU whatever its shape, booting several shapes shows nothing more.
  if (!options.FixesHardware() && !guest->HasOneCpuOnly(TRY(node::ParseLane(options.lane)))) {
    made.shapes = guest.get();
  }
  made.node = std::move(guest);
  return made;
}

Status RunLoop::UseShape(const std::string& shape) {
  if (node_.shapes == nullptr || shape == shape_) return {};
  node_.shapes->ChangeShape(TRY(node::FindShape(shape)));
  if (!shape_.empty()) progress_.Note(fmt::format("the next claims run on the shape {}", shape));
  shape_ = shape;
  return {};
}

Status RunLoop::RunAll(node::RunRequest request) {
  for (auto remaining = collector_.Remaining(); !remaining.empty();
       remaining = collector_.Remaining()) {
    const std::vector<WorkItem> work = NextOfOneShape(remaining);
    TRY(UseShape(work.front().shape));
    AskFor(work, request);
    request.scratch = NeedsScratch(*node_.node, request, work) ? kScratchSize : Bytes{0};
    const node::RunOutcome outcome = TRY(node_.node->Run(request, collector_, interrupt_));
    if (!outcome.facts.empty()) collector_.TakeNodeFacts(node_.node->kind(), outcome.facts);
    TRY(TakeOutcome(outcome, remaining.size()));
  }
  return {};
}

// `remaining` claims were to be done when the node was started.
Status RunLoop::TakeOutcome(const node::RunOutcome& outcome, size_t remaining) {
  if (outcome.ending == node::Ending::kComplete) {
    if (collector_.Remaining().size() < remaining) return {};
    return Fail("the agent ended without a verdict that was asked for");
  }
  if (outcome.ending == node::Ending::kCancelled) {
    return std::unexpected(Error{"interrupted", "", EINTR});
  }
  const std::string reason =
      outcome.hint.empty() ? outcome.reason : outcome.reason + "; " + outcome.hint;
  KeepConsole(outcome.console);
  if (outcome.emulator_fault && emulator_faults_++ < kMostEmulatorFaults) {
    collector_.OnEvent(node::NoteEvent(fmt::format(
        "{} is run again in a new boot: {}", outcome.during_claim.value_or("the rest"), reason)));
    return {};
  }
  if (!outcome.during_claim) return std::unexpected(Error{outcome.reason, outcome.hint, 0});
  const size_t before = collector_.Remaining().size();
  collector_.MarkBroken(*outcome.during_claim, reason);
  if (collector_.Remaining().size() < before) return {};
  return Fail("the node broke off during {}, which was not asked for", *outcome.during_claim);
}

// What the guest said last, for whoever has to find out why it died.
void RunLoop::KeepConsole(const std::string& console) {
  if (out_.empty() || console.empty()) return;
  consoles_ += console;
  if (!WriteFileAtomic(out_ / kConsoleFile, consoles_)) return;
  collector_.AddNote(fmt::format("what the guest's console said last is in {}", kConsoleFile));
}

}  // namespace nodeproof::cli
