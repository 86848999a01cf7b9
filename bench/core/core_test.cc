#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/core/nest.h"
#include "bench/core/row.h"
#include "bench/core/runner.h"
#include "harness/cgroup/fake_tree.h"

namespace nodeproof::bench {
namespace {

using testing::HasSubstr;

Environment OneCpu() {
  Environment environment;
  environment.topology.cpus = {{}};
  environment.why_no_cgroups = "cgroup v1 has them all";
  environment.why_no_scratch = "no disk";
  environment.memory = MiB(100);
  return environment;
}

Bench Counting(int* calls = nullptr) {
  return {.id = "test.count",
          .what = "Counts.",
          .repetitions = 3,
          .iterations = 4,
          .run = [calls](Context& context, benchmark::State& state) -> Status {
            if (calls != nullptr) ++*calls;
            for (auto _ : state) context.Latency(Microseconds(5));
            context.Report({"share", "ratio", Better::kHigher, 0.5});
            return {};
          }};
}

TEST(RunBench, HasTheTimesPercentilesAndFiguresOfAllRepetitions) {
  Environment environment = OneCpu();
  const Json row = RunBench(Counting(), environment);
  EXPECT_EQ(row["status"], "measured") << row.dump();
  EXPECT_EQ(row["name"], "test.count");
  EXPECT_EQ(row["iterations"], 4);
  EXPECT_EQ(row["repetitions"], 3);
  EXPECT_EQ(row["samples"].size(), 3u);
  EXPECT_EQ(row["better"], "lower");
  EXPECT_EQ(row["time_unit"], "ns");
  EXPECT_EQ(row["percentiles"]["max"], 5000.0);
  EXPECT_EQ(row["quantities"]["share"]["value"], 0.5);
  EXPECT_EQ(row["quantities"]["share"]["samples"].size(), 3u);
  EXPECT_EQ(row["quantities"]["share"]["better"], "higher");
}

TEST(RunBench, ManualTimeIsInTheBenchmarksUnit) {
  Bench bench = Counting();
  bench.manual_time = true;
  bench.unit = benchmark::kMicrosecond;
  bench.run = [](Context&, benchmark::State& state) -> Status {
    for (auto _ : state) state.SetIterationTime(3e-6);
    return {};
  };
  Environment environment = OneCpu();
  const Json row = RunBench(bench, environment);
  EXPECT_NEAR(row["real_time"].get<double>(), 3.0, 1e-9);
  EXPECT_EQ(row["time_unit"], "us");
  EXPECT_FALSE(row.contains("percentiles"));
  EXPECT_FALSE(row.contains("quantities"));
}

TEST(RunBench, AnErrorInTheMiddleOfTheLoopIsTheRowsReason) {
  Bench bench = Counting();
  bench.run = [](Context&, benchmark::State& state) -> Status {
    for (auto _ : state) return Fail("it broke");
    return {};
  };
  Environment environment = OneCpu();
  const Json row = RunBench(bench, environment);
  EXPECT_EQ(row["status"], "error");
  EXPECT_EQ(row["reason"], "it broke");
  bench.run = [](Context&, benchmark::State&) -> Status { return Unsupported("no such file"); };
  EXPECT_EQ(RunBench(bench, environment)["status"], "unsupported");
}

TEST(RunBench, AProcessThatDiesOrHangsIsAnError) {
  Environment environment = OneCpu();
  Bench bench = Counting();
  bench.run = [](Context&, benchmark::State&) -> Status { ::_exit(7); };
  EXPECT_THAT(RunBench(bench, environment)["reason"].get<std::string>(), HasSubstr("exit 7"));
  bench.budget = Seconds(0.05);
  bench.run = [](Context&, benchmark::State&) -> Status {
    for (;;) ::pause();
  };
  const Json row = RunBench(bench, environment);
  EXPECT_EQ(row["status"], "error");
  EXPECT_THAT(row["reason"].get<std::string>(), HasSubstr("did not end"));
}

TEST(CheckNeeds, NamesWhatIsMissing) {
  const Environment environment = OneCpu();
  const auto lacks = [&](Bench bench) {
    const Status checked = CheckNeeds(bench, environment);
    EXPECT_TRUE(checked || checked.error().unsupported);
    return checked ? "" : checked.error().message;
  };
  Bench bench = Counting();
  EXPECT_EQ(lacks(bench), "");
  bench.needs = {.cpus = 2};
  EXPECT_EQ(lacks(bench), "it needs 2 CPUs, the node has 1");
  bench.needs = {.memory = MiB(200)};
  EXPECT_THAT(lacks(bench), HasSubstr("200 MiB"));
  bench.needs = {.scratch = true};
  EXPECT_EQ(lacks(bench), "no disk");
  bench.needs = {.own_node = true, .why_own_node = "it turns swap on"};
  EXPECT_EQ(lacks(bench), "it needs a VM: it turns swap on");
  bench.needs = {};
  bench.place.depth = 2;
  EXPECT_THAT(lacks(bench), HasSubstr("cgroup v1 has them all"));
}

// What stands around a benchmark's process, counted.
Bench Surrounded(int& standing) {
  Bench bench = Counting();
  bench.around = [&standing](const Environment&) -> Result<std::shared_ptr<void>> {
    ++standing;
    return std::shared_ptr<void>(&standing, [](void* count) { --*static_cast<int*>(count); });
  };
  return bench;
}

TEST(RunBench, WhatStandsAroundGoesWithTheProcessHoweverItEnds) {
  int standing = 0;
  Environment environment = OneCpu();
  Bench bench = Surrounded(standing);
  bench.run = [&standing](Context&, benchmark::State& state) -> Status {
    for (auto _ : state) {
    }
    return standing == 1 ? Status() : Fail("{} stand", standing);
  };
  EXPECT_EQ(RunBench(bench, environment)["status"], "measured");
  EXPECT_EQ(standing, 0);
  bench.run = [](Context&, benchmark::State&) -> Status { ::_exit(7); };
  EXPECT_EQ(RunBench(bench, environment)["status"], "error");
  EXPECT_EQ(standing, 0);
}

TEST(RunBench, WhatCannotStandAroundIsTheRowsReason) {
  Environment environment = OneCpu();
  Bench bench = Counting();
  bench.around = [](const Environment&) -> Result<std::shared_ptr<void>> {
    return Unsupported("the kernel has no io.cost.qos");
  };
  const Json row = RunBench(bench, environment);
  EXPECT_EQ(row["status"], "unsupported");
  EXPECT_EQ(row["reason"], "the kernel has no io.cost.qos");
}

TEST(CheckNeeds, ControllersOfThePlaceCount) {
  const cgroup::FakeTree tree;
  const auto capsule = tree.Group("");
  Environment environment = OneCpu();
  environment.capsule = &capsule;
  environment.controllers = {"cpu"};
  Bench bench = Counting();
  bench.place = {1, {"cpu", "io"}, {}};
  EXPECT_EQ(CheckNeeds(bench, environment).error().message, "the hierarchy has no controller io");
  environment.controllers = {"cpu", "io"};
  EXPECT_TRUE(CheckNeeds(bench, environment));
}

TEST(MeasuredRow, TakesTheMeanOfTheRepetitions) {
  const Trial trial;
  const Trial* trials[] = {&trial, &trial, &trial};
  const Repetition repetitions[] = {{10, 5, 1}, {10, 9, 3}, {10, 7, 2}};
  const Json row = *MeasuredRow(Counting(), repetitions, trials);
  EXPECT_EQ(row["real_time"], 7.0);
  EXPECT_EQ(row["cpu_time"], 2.0);
  EXPECT_EQ(row["samples"], Json({5.0, 9.0, 7.0}));
}

TEST(MeasuredRow, AFigureThatSomeRepetitionsLackIsAnError) {
  Trial first;
  first.figures = {{"rate", "1/s", Better::kHigher, 1}};
  const Trial second;
  const Trial* trials[] = {&first, &second};
  const Repetition repetitions[] = {{1, 1, 1}, {1, 1, 1}};
  EXPECT_EQ(MeasuredRow(Counting(), repetitions, trials).error().message,
            "only some repetitions reported rate");
}

TEST(WriteKnobs, NamesAFileThatTheKernelLacks) {
  const cgroup::FakeTree tree;
  const auto group = tree.Group("g", {{"cpu.weight", "100\n"}});
  EXPECT_TRUE(WriteKnobs(group, {{"cpu.weight", "5"}}));
  const Status missing = WriteKnobs(group, {{"io.cost", "x"}});
  EXPECT_TRUE(missing.error().unsupported);
  EXPECT_THAT(missing.error().message, HasSubstr("no io.cost"));
}

}  // namespace
}  // namespace nodeproof::bench
