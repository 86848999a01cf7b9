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
};

class Collector : public node::EventSink {
 public:
  // `work` in the order in which it will be asked for. `save` is called after every claim.
  Collector(results::Results& results, std::vector<WorkItem> work, Progress& progress,
            std::function<void()> save);

  void OnEvent(const node::Event& event) override;

  // What has not been finished yet.
  std::vector<WorkItem> Remaining() const;
  // Finishes the next item, which broke off, as an error.
  void MarkBroken(std::string_view id, const std::string& reason);

 private:
  void Finish(results::Claim claim);
  void TakeHello(const Json& body);
  void TakeClaim(const Json& body);

  results::Results& results_;
  std::vector<WorkItem> work_;
  size_t done_ = 0;
  Progress& progress_;
  std::function<void()> save_;
};

}  // namespace nodeproof::cli
