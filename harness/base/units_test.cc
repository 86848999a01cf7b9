#include "harness/base/units.h"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(ParseSize, ReadsWhatUsersType) {
  EXPECT_EQ(ParseSize("2G")->value, 2LL << 30);
  EXPECT_EQ(ParseSize("2Gi")->value, 2LL << 30);
  EXPECT_EQ(ParseSize("512M")->value, 512LL << 20);
  EXPECT_EQ(ParseSize("1.5G")->value, 3LL << 29);
  EXPECT_EQ(ParseSize("4096")->value, 4096);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "G", "-1G", "0", "1.0000001", "1X", "1Gb", "1e30T", "nan", "inf"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(FormatBytes, TakesTheLargestUnit) {
  EXPECT_EQ(FormatBytes(MiB(96)), "96 MiB");
  EXPECT_EQ(FormatBytes(Bytes{1536}), "1.5 KiB");
  EXPECT_EQ(FormatBytes(Bytes{17}), "17 B");
}

TEST(FormatDuration, ReadsLikeSpeech) {
  EXPECT_EQ(FormatDuration(Seconds(0.35)), "350 ms");
  EXPECT_EQ(FormatDuration(Seconds(1.24)), "1.2 s");
  EXPECT_EQ(FormatDuration(Seconds(245)), "4 min 05 s");
}

}  // namespace
}  // namespace nodeproof
