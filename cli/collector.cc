#include "cli/collector.h"

namespace nodeproof::cli {

Collector::Collector(results::Results& results, std::vector<WorkItem> work, Progress& progress,
                     std::function<void()> save)
    : results_(results), work_(std::move(work)), progress_(progress), save_(std::move(save)) {}

void Collector::OnEvent(const node::Event& event) {
  switch (event.kind) {
    case node::EventKind::kHello:
      TakeHello(event.body);
      break;
    case node::EventKind::kClaimStart:
      // The agent counts from 1 in every boot; the run counts through.
      progress_.ClaimStarted(event.body.at("id").get<std::string>(), static_cast<int>(done_) + 1,
                             static_cast<int>(work_.size()));
      break;
    case node::EventKind::kProgress:
      progress_.Windows(event.body.at("arm").get<std::string>(),
                        event.body.at("windows").get<int>());
      break;
    case node::EventKind::kClaim:
      TakeClaim(event.body.at("claim"));
      break;
    case node::EventKind::kBenchmark:
      TakeRow(event.body.at("row"));
      break;
    case node::EventKind::kNote: {
      const auto text = event.body.at("text").get<std::string>();
      results_.run.notes.push_back(text);
      progress_.Note(text);
      break;
    }
    case node::EventKind::kFatal:
    case node::EventKind::kEnd:
      break;  // the node's outcome says it
  }
}

void Collector::TakeHello(const Json& body) {
  if (done_ < work_.size()) shape_ = work_[done_].shape;
  KeepFacts(body.at("node"));
}

void Collector::TakeNodeFacts(std::string_view kind, const Json& facts) {
  KeepFacts({{std::string(kind), facts}});
}

void Collector::AddNote(const std::string& text) { results_.run.notes.push_back(text); }

void Collector::KeepFacts(const Json& facts) {
  Json& node = results_.node;
  if (!shape_.empty()) {
    for (const char* part : {"cpu", "memory", "vm"}) {
      if (facts.contains(part)) node["shapes"][shape_][part] = facts.at(part);
    }
    if (work_.empty() || shape_ != work_.front().shape) return;
  }
  node.update(facts);
}

void Collector::TakeClaim(const Json& body) {
  auto claim = results::ParseClaim(body);
  if (!claim) {
    if (done_ < work_.size()) {
      MarkBroken(work_[done_].claim->id,
                 "the agent's result is malformed: " + claim.error().message);
    }
    return;
  }
  Finish(std::move(*claim));
}

// A row whose name is not what was asked for, or none at all, is nobody's.
void Collector::TakeRow(Json row) {
  const auto name = row.find("name");
  if (done_ >= work_.size() || name == row.end() || *name != work_[done_].claim->id) {
    progress_.Note("the agent sent a benchmark's row that nobody asked for");
    return;
  }
  row["iteration"] = work_[done_].iteration;
  if (!work_[done_].shape.empty()) row["shape"] = work_[done_].shape;
  ++done_;
  results_.benchmarks.push_back(std::move(row));
  save_();
  progress_.BenchmarkFinished(results_.benchmarks.back());
}

void Collector::Finish(results::Claim claim) {
  if (done_ >= work_.size() || work_[done_].claim->id != claim.id) {
    progress_.Note(fmt::format("the agent sent a result nobody asked for: {}", claim.id));
    return;
  }
  claim.iteration = work_[done_].iteration;
  claim.shape = work_[done_].shape;
  ++done_;
  results_.claims.push_back(std::move(claim));
  save_();  // marks known violations, too
  progress_.ClaimFinished(results_.claims.back());
}

std::vector<WorkItem> Collector::Remaining() const {
  return {work_.begin() + static_cast<std::ptrdiff_t>(done_), work_.end()};
}

void Collector::MarkBroken(std::string_view id, const std::string& reason) {
  if (done_ >= work_.size()) return;
  if (work_[done_].claim->benchmark) {
    return TakeRow({{"name", id},
                    {"what", work_[done_].claim->statement},
                    {"status", "error"},
                    {"reason", reason}});
  }
  results::Claim claim;
  claim.id = id;
  claim.statement = work_[done_].claim->statement;
  claim.source = work_[done_].claim->source;
  claim.verdict = results::Verdict::kError;
  claim.reason = reason;
  Finish(std::move(claim));
}

}  // namespace nodeproof::cli
