#include "harness/kubelet/names/cgroup_name.h"

#include <gtest/gtest.h>

namespace nodeproof::kubelet {
namespace {

TEST(CgroupName, OfABurstablePod) {
  const CgroupName node = NodeAllocatableName({});
  const CgroupName pod = *PodName(node, QosClass::kBurstable, "12-ab");
  EXPECT_EQ(*ToPath(pod, CgroupDriver::kSystemd),
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_ab.slice");
  EXPECT_EQ(*ToPath(pod, CgroupDriver::kCgroupfs), "/kubepods/burstable/pod12-ab");
  EXPECT_EQ(ParseSystemd(*ToSystemd(pod)), pod);
  EXPECT_EQ(ParseCgroupfs(ToCgroupfs(pod)), pod);
  EXPECT_EQ(ContainerCgroupName("c0ffee", CgroupDriver::kSystemd), "cri-containerd-c0ffee.scope");
  EXPECT_EQ(ContainerCgroupName("c0ffee", CgroupDriver::kCgroupfs), "c0ffee");
}

TEST(CgroupName, OfAGuaranteedPodIsBelowTheNodeSlice) {
  const CgroupName pod = *PodName(NodeAllocatableName({}), QosClass::kGuaranteed, "1");
  EXPECT_EQ(*ToSystemd(pod), "/kubepods.slice/kubepods-pod1.slice");
  EXPECT_EQ(ToCgroupfs(pod), "/kubepods/pod1");
}

TEST(CgroupName, OfTheRoot) {
  EXPECT_EQ(*ToSystemd({}), "/");
  EXPECT_EQ(*ToSystemdBasename({}), "/");
  EXPECT_EQ(ToCgroupfs({}), "/");
  EXPECT_EQ(ParseCgroupfs("/"), CgroupName());
}

TEST(CgroupName, KeepsTheEmptyComponentOfATrailingSlash) {
  EXPECT_EQ(ParseCgroupfs("/a/"), (CgroupName{"a", ""}));
  EXPECT_EQ(ParseSystemd("/a.slice/a-b_c.slice/"), (CgroupName{"a", "b-c"}));
}

TEST(CgroupName, RefusesWhatWouldLeaveItsPlace) {
  for (const char* uid : {"", "../x", "a/b", "a_b"}) {
    EXPECT_FALSE(PodName({}, QosClass::kBurstable, uid)) << uid;
  }
  EXPECT_FALSE(AppendName({}, {"a_b"}));
  EXPECT_FALSE(ToSystemd({"a", ""}));
  for (const CgroupDriver driver : {CgroupDriver::kSystemd, CgroupDriver::kCgroupfs}) {
    for (const char* component : {"", ".", "..", "a/b"}) {
      EXPECT_FALSE(ToPath({"a", component}, driver)) << component;
    }
  }
}

}  // namespace
}  // namespace nodeproof::kubelet
