#include "cli/collector.h"

#include <gtest/gtest.h>

#include <memory>

namespace nodeproof::cli {
namespace {

class CollectorTest : public testing::Test {
 protected:
  CollectorTest()
      : catalog_(Catalog::Parse(R"([{"id": "cpu.max.ceiling", "statement": "a", "source": "s"},
                                    {"id": "cpuset.pinned", "statement": "b", "source": "s"}])")
                     .value()),
        devnull_(std::fopen("/dev/null", "w"), &std::fclose),
        progress_(devnull_.get(), false, clock_),
        collector_(results_,
                   {{&catalog_.entries()[0], 1},
                    {&catalog_.entries()[1], 1},
                    {&catalog_.entries()[0], 2},
                    {&catalog_.entries()[1], 2}},
                   progress_, [this] { ++saves_; }) {}

  void Result(const std::string& id) {
    results::Claim claim;
    claim.id = id;
    claim.statement = "a";
    claim.source = "s";
    claim.verdict = results::Verdict::kInconclusive;
    claim.reason = "noisy";
    collector_.OnEvent(node::ClaimEvent(results::ToJson(claim).value()));
  }

  Catalog catalog_;
  results::Results results_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> devnull_;
  FakeClock clock_;
  Progress progress_;
  Collector collector_;
  int saves_ = 0;
};

TEST_F(CollectorTest, SavesAfterEveryClaimAndCountsRepetitions) {
  for (const char* id : {"cpu.max.ceiling", "cpuset.pinned", "cpu.max.ceiling"}) Result(id);
  ASSERT_EQ(results_.claims.size(), 3u);
  EXPECT_EQ(results_.claims[1].iteration, 1);
  EXPECT_EQ(results_.claims[2].iteration, 2);
  EXPECT_EQ(saves_, 3);
  ASSERT_EQ(collector_.Remaining().size(), 1u);
  EXPECT_EQ(collector_.Remaining()[0].claim->id, "cpuset.pinned");
}

TEST_F(CollectorTest, ABrokenClaimIsAnErrorAndTheRestRemains) {
  Result("cpu.max.ceiling");
  collector_.MarkBroken("cpuset.pinned", "the guest panicked");
  EXPECT_EQ(results_.claims[1].verdict, results::Verdict::kError);
  EXPECT_EQ(results_.claims[1].statement, "b");
  EXPECT_EQ(collector_.Remaining().size(), 2u);
}

TEST_F(CollectorTest, AResultNobodyAskedForIsNotTaken) {
  Result("cpuset.pinned");
  EXPECT_TRUE(results_.claims.empty());
  EXPECT_EQ(saves_, 0);
}

TEST_F(CollectorTest, KeepsTheFactsOfEachShape) {
  const CatalogEntry& claim = catalog_.entries()[0];
  Collector collector(results_, {{&claim, 1, "default"}, {&claim, 2, "four"}}, progress_, [] {});
  results::Claim found;
  found.id = claim.id;
  found.statement = "a";
  found.source = "s";
  found.verdict = results::Verdict::kInconclusive;
  found.reason = "noisy";
  const node::Event event = node::ClaimEvent(results::ToJson(found).value());
  for (const int cpus : {2, 4}) {
    collector.OnEvent(node::HelloEvent({{"kind", "vm"}, {"cpu", {{"count", cpus}}}}));
    collector.OnEvent(event);
    collector.TakeNodeFacts("vm", {{"boots", cpus}});
  }
  EXPECT_EQ(results_.claims[0].shape, "default");
  EXPECT_EQ(results_.claims[1].shape, "four");
  EXPECT_EQ(results_.node.at("cpu").at("count"), 2);  // of the first shape
  EXPECT_EQ(results_.node.at("vm").at("boots"), 2);
  const Json& shapes = results_.node.at("shapes");
  EXPECT_EQ(shapes.at("default").at("cpu").at("count"), 2);
  EXPECT_EQ(shapes.at("four").at("cpu").at("count"), 4);
  EXPECT_EQ(shapes.at("four").at("vm").at("boots"), 4);
}

TEST_F(CollectorTest, RowsOfBenchmarksAreKeptInOrder) {
  const Catalog catalog =
      Catalog::Parse(R"([{"id": "cpu.birth.fork", "statement": "Forks.", "source": "bench/cpu"},
                         {"id": "io.fsync.4k", "statement": "Syncs.", "source": "bench/io"}])",
                     /*benchmarks=*/true)
          .value();
  const CatalogEntry& fork = catalog.entries()[0];
  const CatalogEntry& fsync = catalog.entries()[1];
  Collector collector(results_, {{&fork, 1}, {&fsync, 1}, {&fork, 2, "four"}}, progress_, [] {});
  collector.OnEvent(node::BenchmarkEvent({{"name", "io.fsync.4k"}}));  // not its turn
  EXPECT_TRUE(results_.benchmarks.empty());
  collector.OnEvent(node::BenchmarkEvent({{"name", "cpu.birth.fork"}, {"status", "measured"}}));
  collector.MarkBroken("io.fsync.4k", "the guest panicked");
  collector.OnEvent(node::BenchmarkEvent({{"name", "cpu.birth.fork"}, {"status", "measured"}}));
  ASSERT_EQ(results_.benchmarks.size(), 3u);
  EXPECT_EQ(results_.benchmarks[0]["iteration"], 1);
  EXPECT_EQ(results_.benchmarks[1]["status"], "error");
  EXPECT_EQ(results_.benchmarks[1]["reason"], "the guest panicked");
  EXPECT_EQ(results_.benchmarks[1]["what"], "Syncs.");
  EXPECT_EQ(results_.benchmarks[2]["iteration"], 2);
  EXPECT_EQ(results_.benchmarks[2]["shape"], "four");
  EXPECT_TRUE(collector.Remaining().empty());
}

TEST_F(CollectorTest, NotesAndFactsAreKept) {
  collector_.OnEvent(node::NoteEvent("boot tried again"));
  collector_.OnEvent(node::HelloEvent({{"kind", "vm"}}));
  EXPECT_EQ(results_.run.notes, std::vector<std::string>{"boot tried again"});
  EXPECT_EQ(results_.node.at("kind"), "vm");
}

}  // namespace
}  // namespace nodeproof::cli
