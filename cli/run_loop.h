// Boot after boot until every claim has its verdict: the shapes one after the other, and a new boot
// after each death of a guest.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "cli/collector.h"
#include "cli/run_options.h"
#include "harness/node/vm_node.h"

namespace nodeproof::cli {

// The node that was chosen.
struct ChosenNode {
  std::unique_ptr<node::Node> node;
  // The same node where it is a VM whose shape the claims choose; nullptr otherwise.
  node::VmNode* shapes = nullptr;
  std::string shape;  // of a VM whose shape is fixed; "" otherwise
  std::string why;    // one line for who left the choice to us, or ""
};

// With `needs_cgroups` false a host without a usable hierarchy will do.
Result<ChosenNode> MakeNode(const RunOptions& options, bool needs_cgroups);

class RunLoop {
 public:
  // `out` is the folder for the consoles of guests that died, "" for none.
  RunLoop(ChosenNode& node, Collector& collector, Progress& progress, const std::string& out,
          int interrupt)
      : node_(node), collector_(collector), progress_(progress), out_(out), interrupt_(interrupt) {}

  // A claim during which the node died is an error, and the others still run. Errors: the node
  // cannot be started; the run was interrupted (code EINTR).
  Status RunAll(node::RunRequest request);

 private:
  Status UseShape(const std::string& shape);
  Status TakeOutcome(const node::RunOutcome& outcome, size_t remaining);
  void KeepConsole(const std::string& console);

  ChosenNode& node_;
  Collector& collector_;
  Progress& progress_;
  std::filesystem::path out_;
  int interrupt_;
  std::string shape_;  // of the last boot
  int emulator_faults_ = 0;
  std::string consoles_;  // of guests that died
};

}  // namespace nodeproof::cli
