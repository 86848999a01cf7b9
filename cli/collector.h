// Turns a node's events into results: each finished claim is on disk before the next one starts.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/catalog.h"
#include "cli/progress.h"
#include "harness/node/node.h"
#include "harness/results/results.h"

namespace nodeproof::cli {

// One claim in one repetition.
struct WorkItem {
  const CatalogEntry* claim = nullptr;
  int iteration = 1;
  std::string shape = {};  // of the VM that it runs in, "" on a host
};

class Collector : public node::EventSink {
 public:
  // `work` in the order in which it will be asked for. `save` is called after every claim.
  Collector(results::Results& results, std::vector<WorkItem> work, Progress& progress,
            std::function<void()> save);

  void OnEvent(const node::Event& event) override;

  // What the node says of itself after a boot: the VM's accelerator, shape, argv and so on.
  void TakeNodeFacts(std::string_view kind, const Json& facts);
  void AddNote(const std::string& text);

  // What has not been finished yet.
  std::vector<WorkItem> Remaining() const;
  // Finishes the next item, which broke off, as an error.
  void MarkBroken(std::string_view id, const std::string& reason);

 private:
  void Finish(results::Claim claim);
  void TakeHello(const Json& body);
  void TakeClaim(const Json& body);
  void TakeRow(Json row);
  // Facts that may differ from shape to shape: the first shape's stand in the node itself, those of
  // each shape, the first included, in node.shapes.
  void KeepFacts(const Json& facts);

  results::Results& results_;
  std::vector<WorkItem> work_;
  size_t done_ = 0;
  std::string shape_;  // of the last boot
  Progress& progress_;
  std::function<void()> save_;
};

}  // namespace nodeproof::cli
