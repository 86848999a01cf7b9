#include "conformance/psi/stretch.h"

#include <gtest/gtest.h>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::conformance {
namespace {

using results::Finding;
using results::Relation;

std::string Pressure(int64_t some, int64_t full) {
  return fmt::format(
      "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total={}\n",
      some, full);
}

TEST(Stretch, TellsWhatGrewAndHowWellItIsKnown) {
  const cgroup::FakeTree tree;
  const cgroup::Cgroup group = tree.Group("", {{"cpu.pressure", Pressure(1000, 500)}});
  FakeClock clock;
  Nanoseconds ran = Milliseconds(70);
  // Each reading takes a millisecond.
  Stretch stretch(clock, {[&]() -> Result<Nanoseconds> {
                    clock.Advance(Milliseconds(1));
                    return ran;
                  }},
                  {{&group, "cpu.pressure"}});
  ASSERT_TRUE(stretch.Begin());
  ran = Milliseconds(270);
  clock.Advance(Milliseconds(999));
  tree.Group("", {{"cpu.pressure", Pressure(801'000, 700'500)}});
  const auto growth = stretch.Read();
  ASSERT_TRUE(growth) << growth.error().message;
  EXPECT_EQ(growth->wall, Milliseconds(1000));
  EXPECT_EQ(growth->error, 2 * kEdge + Milliseconds(2));
  EXPECT_EQ(growth->ran, std::vector<Nanoseconds>{Milliseconds(200)});
  ASSERT_EQ(growth->pressure.size(), 1u);
  EXPECT_EQ(growth->pressure[0].some_total, Milliseconds(800));
  EXPECT_EQ(growth->pressure[0].full_total, Milliseconds(700));

  EXPECT_EQ(PartIs("a", *growth, Relation::kWithin, Milliseconds(809), Milliseconds(800)).finding,
            Finding::kInside);
  EXPECT_EQ(PartIs("b", *growth, Relation::kWithin, Milliseconds(811), Milliseconds(800)).finding,
            Finding::kOutside);
  EXPECT_EQ(PartIs("c", *growth, Relation::kAtLeast, Milliseconds(820), Milliseconds(800),
                   Milliseconds(15))
                .finding,
            Finding::kInside);
}

TEST(RequirePressure, NamesTheFileThatIsMissing) {
  const cgroup::FakeTree tree;
  const cgroup::Cgroup group = tree.Group("", {{"cpu.pressure", Pressure(0, 0)}});
  EXPECT_TRUE(RequirePressure(group, "cpu.pressure"));
  const auto missing = RequirePressure(group, "memory.pressure");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().unsupported);
  EXPECT_NE(missing.error().message.find("memory.pressure"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::conformance
