#include "conformance/memory/effective_protection.h"

#include <gtest/gtest.h>

#include <random>

namespace nodeproof::conformance {
namespace {

constexpr int64_t kPage = 4096;
constexpr int64_t M(int64_t mebibytes) { return mebibytes << 20; }

// Of a root with one slice, which has `children`.
ProtectedGroup Slice(int64_t min, std::vector<ProtectedGroup> children) {
  ProtectedGroup slice{.setting = min, .children = std::move(children)};
  for (const ProtectedGroup& child : slice.children) slice.usage += child.usage;
  ProtectedGroup root{.usage = slice.usage, .children = {std::move(slice)}};
  return root;
}

TEST(EffectiveProtection, OvercommittedChildrenShareByWhatTheyUseOfIt) {
  // kselftest's tree before pressure: B 50M over C 75M, D 25M, E 0 and F 500M unused.
  ProtectedGroup root = Slice(M(50), {{.usage = M(50), .setting = M(75)},
                                      {.usage = M(50), .setting = M(25)},
                                      {.usage = M(50), .setting = 0},
                                      {.usage = 0, .setting = M(500)}});
  ComputeEffectiveProtection(root, true, kPage);
  const auto& groups = root.children[0].children;
  EXPECT_EQ(root.children[0].effective, M(50));
  EXPECT_NEAR(static_cast<double>(groups[0].effective), 50.0 * 50 / 75 * (1 << 20), kPage);
  EXPECT_NEAR(static_cast<double>(groups[1].effective), 50.0 * 25 / 75 * (1 << 20), kPage);
  EXPECT_EQ(groups[2].effective, 0);
  EXPECT_EQ(groups[3].effective, 0);
}

TEST(EffectiveProtection, UnclaimedProtectionGoesToUnprotectedUsageWhereRecursive) {
  const auto children = std::vector<ProtectedGroup>{{.usage = M(20), .setting = M(10)},
                                                    {.usage = M(40), .setting = 0}};
  ProtectedGroup recursive = Slice(M(30), children);
  ComputeEffectiveProtection(recursive, true, kPage);
  // 20M unclaimed over 10M + 40M of unprotected usage.
  EXPECT_EQ(recursive.children[0].children[0].effective, M(14));
  EXPECT_EQ(recursive.children[0].children[1].effective, M(16));
  ProtectedGroup plain = Slice(M(30), children);
  ComputeEffectiveProtection(plain, false, kPage);
  EXPECT_EQ(plain.children[0].children[0].effective, M(10));
  EXPECT_EQ(plain.children[0].children[1].effective, 0);
}

TEST(EffectiveProtection, AParentWithZeroVoidsItsChildrens) {
  ProtectedGroup root = Slice(0, {{.usage = M(20), .setting = M(64)}});
  ComputeEffectiveProtection(root, true, kPage);
  EXPECT_EQ(root.children[0].children[0].effective, 0);
}

TEST(EffectiveProtection, IsNeverMoreThanUsageNorThanTheParents) {
  std::mt19937_64 random(20261121);
  const auto pick = [&](int64_t most) {
    return M(std::uniform_int_distribution<int64_t>(0, most)(random));
  };
  for (int i = 0; i < 2000; ++i) {
    std::vector<ProtectedGroup> children(1 + i % 5);
    for (ProtectedGroup& child : children) child = {.usage = pick(64), .setting = pick(64)};
    ProtectedGroup root = Slice(pick(128), children);
    ComputeEffectiveProtection(root, i % 2 == 0, kPage);
    int64_t sum = 0, used = 0;
    for (const ProtectedGroup& child : children) used += child.usage;
    // Of a parent that is protected beyond its use, memory_recursiveprot hands on all.
    const bool beyond_use = i % 2 == 0 && root.children[0].effective > used;
    for (const ProtectedGroup& child : root.children[0].children) {
      EXPECT_TRUE(beyond_use || child.effective <= child.usage);
      sum += child.effective;
    }
    EXPECT_LE(sum, root.children[0].effective);
  }
}

}  // namespace
}  // namespace nodeproof::conformance
