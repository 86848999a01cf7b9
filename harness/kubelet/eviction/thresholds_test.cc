#include "harness/kubelet/eviction/thresholds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace nodeproof::kubelet::eviction {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr FsLayout kOneFs = {};
constexpr FsLayout kImageFs = {.dedicated_image_fs = true};
constexpr FsLayout kSplitFs = {.dedicated_image_fs = true, .split_container_fs = true};

ThresholdValue Amount(std::string_view text) { return {.quantity = Quantity::Parse(text).value()}; }
ThresholdValue Share(float percentage) { return {.percentage = percentage}; }

ThresholdSettings Hard(StringMap hard) {
  return {.hard = std::move(hard),
          .soft = {},
          .soft_grace_period = {},
          .min_reclaim = {},
          .enforce_node_allocatable = {}};
}

std::string ErrorOf(const ThresholdSettings& settings) {
  const auto thresholds = ParseThresholds(settings);
  return thresholds ? "no error" : thresholds.error().ToString();
}

TEST(Percentage, IsDividedInFloat32) {
  EXPECT_EQ(ParsePercentage("10.5%").value(), 10.5f / 100);
  EXPECT_EQ(ParsePercentage("25").value(), 0.25f);
  EXPECT_EQ(ParsePercentage("5%%").value(), 0.05f);  // every trailing sign is dropped
  EXPECT_EQ(ParsePercentage("+1e1%").value(), 0.1f);
  EXPECT_EQ(ParsePercentage("0x1p3%").value(), 0.08f);
  EXPECT_EQ(ParsePercentage("1e-60%").value(), 0.0f);
  EXPECT_EQ(ParsePercentage("-2%").value(), -0.02f);
  EXPECT_TRUE(std::isnan(ParsePercentage("nan%").value()));
  EXPECT_TRUE(std::isinf(ParsePercentage("Inf%").value()));
}

TEST(Percentage, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "%", "blah", "10..5%", " 5%", "5 %", "1e%", "1e60%", "--1", "+-1",
                           "nan(1)", "0x8", "0x", "1_0", "5%5"}) {
    EXPECT_FALSE(ParsePercentage(text)) << text;
  }
}

TEST(Resolve, APercentageIsAFloat32OfTheCapacityTruncated) {
  EXPECT_EQ(Resolve(Share(0.05f), int64_t{10} << 30).Value(), 536870920);
  EXPECT_EQ(Resolve(Share(0.15f), 7).Value(), 1);
  EXPECT_EQ(Resolve(Amount("1Gi"), 5).Value(), int64_t{1} << 30);
  EXPECT_TRUE(Resolve(Share(std::nanf("")), 5).IsNegative());  // never met
}

TEST(Parse, DefaultsGiveFiveHardThresholdsAndTheAllocatableOne) {
  const auto thresholds = ParseThresholds(SettingsOf(KubeletConfiguration{})).value();
  ASSERT_EQ(thresholds.size(), 6u);
  for (const Threshold& threshold : thresholds) EXPECT_TRUE(threshold.hard());
  EXPECT_EQ(ToString(thresholds.back()), "allocatableMemory.available < 100Mi (hard)");
}

TEST(Parse, MergingDefaultsFillsInWhatIsNotNamed) {
  KubeletConfiguration config;
  config.eviction_hard = {{"memory.available", "1Gi"}, {"pid.available", "10%"}};
  EXPECT_EQ(SettingsOf(config).hard.size(), 2u);
  config.merge_default_eviction_settings = true;
  const StringMap merged = SettingsOf(config).hard;
  EXPECT_EQ(merged.size(), 6u);
  EXPECT_EQ(merged.at("memory.available"), "1Gi");
  EXPECT_EQ(merged.at("imagefs.inodesFree"), "5%");
}

TEST(Parse, ZeroAndHundredPercentMeanNoThreshold) {
  EXPECT_TRUE(ParseThresholds(Hard({{"memory.available", "0%"}}))->empty());
  EXPECT_TRUE(ParseThresholds(Hard({{"memory.available", "100%"}}))->empty());
  // Only these spellings; others are thresholds.
  EXPECT_EQ(ParseThresholds(Hard({{"memory.available", "0.0%"}}))->size(), 1u);
  EXPECT_EQ(ParseThresholds(Hard({{"memory.available", "100.0%"}}))->size(), 1u);
}

TEST(Parse, ErrorsNameFieldAndSignal) {
  EXPECT_THAT(ErrorOf(Hard({{"memory.free", "1Gi"}})), HasSubstr("memory.free"));
  EXPECT_THAT(ErrorOf(Hard({{"swap.available", "1Gi"}})), HasSubstr("evictionHard"));
  EXPECT_THAT(ErrorOf(Hard({{"memory.available", "0"}})),
              HasSubstr("evictionHard[memory.available]"));
  EXPECT_THAT(ErrorOf(Hard({{"memory.available", "-1%"}})), HasSubstr("between 0% and 100%"));
  EXPECT_THAT(ErrorOf(Hard({{"memory.available", "101%"}})), HasSubstr("between 0% and 100%"));
  EXPECT_THAT(ErrorOf(Hard({{"memory.available", "1GiB"}})), HasSubstr("1GiB"));
  EXPECT_THAT(ErrorOf(Hard({{"memory.available", ""}})), HasSubstr("memory.available"));
}

TEST(Parse, ASoftThresholdNeedsAGracePeriod) {
  ThresholdSettings settings = Hard({});
  settings.soft = {{"memory.available", "1Gi"}};
  EXPECT_THAT(ErrorOf(settings), HasSubstr("evictionSoftGracePeriod[memory.available]"));
  settings.soft_grace_period = {{"memory.available", "-30s"}};
  EXPECT_THAT(ErrorOf(settings), HasSubstr("negative"));
  settings.soft_grace_period = {{"memory.available", "30"}};
  EXPECT_THAT(ErrorOf(settings), HasSubstr("evictionSoftGracePeriod[memory.available]"));
  settings.soft_grace_period = {{"memory.available", "1m30s"}, {"bogus", "1s"}};
  EXPECT_THAT(ErrorOf(settings), HasSubstr("bogus"));
  settings.soft_grace_period = {{"memory.available", "1m30s"}};
  EXPECT_EQ(ParseThresholds(settings)->at(0).grace_period, std::chrono::seconds(90));
  // An ignored soft threshold needs none.
  settings.soft = {{"memory.available", "100%"}};
  settings.soft_grace_period = {};
  EXPECT_TRUE(ParseThresholds(settings)->empty());
}

TEST(Parse, MinReclaimMayBeZeroButNotZeroPercent) {
  ThresholdSettings settings = Hard({{"memory.available", "1Gi"}});
  settings.min_reclaim = {{"memory.available", "0"}};
  EXPECT_EQ(ParseThresholds(settings)->at(0).min_reclaim, Amount("0"));
  settings.min_reclaim = {{"memory.available", "120%"}};
  EXPECT_EQ(ParseThresholds(settings)->at(0).min_reclaim, Share(1.2f));
  settings.min_reclaim = {{"memory.available", "0%"}};
  EXPECT_THAT(ErrorOf(settings), HasSubstr("evictionMinimumReclaim[memory.available]"));
  settings.min_reclaim = {{"memory.available", "-1"}};
  EXPECT_THAT(ErrorOf(settings), HasSubstr("negative"));
}

TEST(Allocatable, OnlyHardMemoryThresholdsAreDuplicated) {
  ThresholdSettings settings = Hard({{"memory.available", "10%"}, {"nodefs.available", "1Gi"}});
  settings.soft = {{"memory.available", "20%"}};
  settings.soft_grace_period = {{"memory.available", "30s"}};
  settings.min_reclaim = {{"memory.available", "5%"}};
  settings.enforce_node_allocatable = {"kube-reserved", "pods"};
  const auto thresholds = ParseThresholds(settings).value();
  ASSERT_EQ(thresholds.size(), 4u);
  EXPECT_EQ(thresholds[3], (Threshold{.signal = Signal::kAllocatableMemoryAvailable,
                                      .value = Share(0.1f),
                                      .min_reclaim = Share(0.05f)}));
}

TEST(ContainerFs, FollowsNodefsUnlessItSharesADedicatedImagefs) {
  const std::vector<Threshold> given = {
      {.signal = Signal::kNodeFsAvailable, .value = Share(0.1f)},
      {.signal = Signal::kNodeFsInodesFree, .value = Share(0.05f)},
      {.signal = Signal::kImageFsAvailable, .value = Share(0.15f), .min_reclaim = Amount("1Gi")},
      {.signal = Signal::kImageFsAvailable,
       .value = Share(0.3f),
       .grace_period = std::chrono::seconds(30)}};
  for (const FsLayout layout : {kOneFs, kSplitFs}) {
    const auto updated = UpdateContainerFsThresholds(given, layout);
    ASSERT_EQ(updated.size(), 8u);
    EXPECT_EQ(updated[4],
              (Threshold{.signal = Signal::kContainerFsAvailable, .value = Share(0.1f)}));
    EXPECT_FALSE(updated[5].compares);  // there is no soft nodefs threshold
    EXPECT_EQ(updated[6],
              (Threshold{.signal = Signal::kContainerFsInodesFree, .value = Share(0.05f)}));
    EXPECT_FALSE(updated[7].compares);
  }
  const auto updated = UpdateContainerFsThresholds(given, kImageFs);
  ASSERT_EQ(updated.size(), 8u);
  EXPECT_EQ(updated[4].value, Share(0.15f));
  EXPECT_EQ(updated[4].min_reclaim, Amount("1Gi"));
  EXPECT_EQ(updated[5].grace_period, std::chrono::seconds(30));
  EXPECT_FALSE(updated[6].compares);
}

TEST(ContainerFs, WhatTheUserGaveIsOverwrittenInPlace) {
  const std::vector<Threshold> given = {
      {.signal = Signal::kContainerFsAvailable, .value = Amount("7Gi")},
      {.signal = Signal::kNodeFsAvailable, .value = Share(0.1f)}};
  const auto updated = UpdateContainerFsThresholds(given, kOneFs);
  ASSERT_EQ(updated.size(), 5u);
  EXPECT_EQ(updated[0].value, Share(0.1f));
  EXPECT_EQ(
      UpdateContainerFsThresholds(given, {.dedicated_image_fs = false, .split_container_fs = true}),
      given);
}

TEST(Met, IsStrictAndMinReclaimRaisesTheBar) {
  const std::vector<Threshold> thresholds = {
      {.signal = Signal::kMemoryAvailable, .value = Amount("1000"), .min_reclaim = Amount("500")}};
  const auto met = [&](int64_t available, bool enforce) {
    return !ThresholdsMet(thresholds, {{Signal::kMemoryAvailable, {available, 8000, {}}}}, enforce)
                .empty();
  };
  EXPECT_TRUE(met(999, false));
  EXPECT_FALSE(met(1000, false));
  EXPECT_TRUE(met(1499, true));
  EXPECT_FALSE(met(1500, true));
  EXPECT_TRUE(met(-5, false));
  EXPECT_TRUE(ThresholdsMet(thresholds, {}, true).empty());  // no observation
}

TEST(Met, AThresholdThatDoesNotCompareIsNeverMet) {
  const std::vector<Threshold> thresholds = {
      {.signal = Signal::kContainerFsAvailable, .compares = false}};
  EXPECT_TRUE(
      ThresholdsMet(thresholds, {{Signal::kContainerFsAvailable, {-1, 10, {}}}}, true).empty());
}

TEST(Merge, KeepsOneOfEqualThresholdsWhateverTheirMinReclaim) {
  const Threshold hard = {.signal = Signal::kMemoryAvailable, .value = Amount("1Gi")};
  Threshold same = {.signal = Signal::kMemoryAvailable, .value = Amount("1024Mi")};
  same.min_reclaim = Amount("1");
  Threshold soft = hard;
  soft.grace_period = std::chrono::seconds(1);
  EXPECT_THAT(MergeThresholds({hard}, {same, soft}), ElementsAre(hard, soft));
}

TEST(Sort, MemoryFirstUnknownLastOthersAsTheyCome) {
  std::vector<std::string> names = {"mystery", "pid.available", "nodefs.available",
                                    "memory.available"};
  SortByEvictionPriority(names, [](const std::string& name) { return SignalNamed(name); });
  EXPECT_THAT(names,
              ElementsAre("memory.available", "pid.available", "nodefs.available", "mystery"));
  names = {"memory.available", "pid.available", "allocatableMemory.available"};
  SortByEvictionPriority(names, [](const std::string& name) { return SignalNamed(name); });
  EXPECT_THAT(names,
              ElementsAre("allocatableMemory.available", "memory.available", "pid.available"));
}

}  // namespace
}  // namespace nodeproof::kubelet::eviction
