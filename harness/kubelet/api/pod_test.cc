#include "harness/kubelet/api/pod.h"

#include <gtest/gtest.h>

#include "harness/kubelet/api/feature_gates.h"

namespace nodeproof::kubelet {
namespace {

TEST(Pod, IsCriticalByPriorityOrSource) {
  Pod pod;
  EXPECT_FALSE(IsCritical(pod));
  pod.priority = kSystemCriticalPriority - 1;
  EXPECT_FALSE(IsCritical(pod));
  pod.priority = kSystemCriticalPriority;
  EXPECT_TRUE(IsCritical(pod));
  EXPECT_FALSE(IsNodeCritical(pod));
  pod.priority_class = kSystemClusterCritical;
  EXPECT_FALSE(IsNodeCritical(pod));
  pod.priority_class = kSystemNodeCritical;
  EXPECT_TRUE(IsNodeCritical(pod));
  pod.priority.reset();
  EXPECT_FALSE(IsNodeCritical(pod));

  pod.annotations[std::string(kConfigSourceAnnotation)] = "api";
  EXPECT_FALSE(IsCritical(pod));
  pod.annotations[std::string(kConfigSourceAnnotation)] = "file";
  EXPECT_TRUE(IsStatic(pod));
  EXPECT_TRUE(IsNodeCritical(pod));
  pod.annotations.clear();
  pod.annotations[std::string(kConfigMirrorAnnotation)] = "";
  EXPECT_TRUE(IsMirror(pod));
  EXPECT_TRUE(IsCritical(pod));
}

TEST(FeatureGates, HasTheDefaultsOf136) {
  FeatureGates gates;
  EXPECT_TRUE(gates.Enabled(kPodLevelResources));
  EXPECT_FALSE(gates.Enabled(kPodLevelResourceManagers));
  EXPECT_FALSE(gates.Enabled(kMemoryQoS));
  EXPECT_TRUE(gates.Enabled(kCustomCpuCfsQuotaPeriod));
  EXPECT_TRUE(gates.Enabled(kDisableCpuQuotaWithExclusiveCpus));
  EXPECT_FALSE(gates.Enabled(kQosReserved));
  EXPECT_FALSE(gates.Enabled(kCpuManagerPolicyAlphaOptions));
  EXPECT_TRUE(gates.Enabled(kCpuManagerPolicyBetaOptions));
}

TEST(FeatureGates, RefusesUnknownAndLockedGates) {
  FeatureGates gates;
  EXPECT_TRUE(gates.Set(kMemoryQoS, true));
  EXPECT_TRUE(gates.Enabled(kMemoryQoS));
  const Status unknown = gates.Set("MemoryQos", true);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "unknown feature gate 'MemoryQos'");
  EXPECT_NE(unknown.error().hint.find("MemoryQoS"), std::string::npos);
  EXPECT_TRUE(gates.Set(kNodeSwap, true));
  EXPECT_FALSE(gates.Set(kNodeSwap, false));
}

}  // namespace
}  // namespace nodeproof::kubelet
