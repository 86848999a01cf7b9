#include "harness/kubelet/api/quantity.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace nodeproof::kubelet {
namespace {

Quantity Q(std::string_view text) {
  const Result<Quantity> parsed = Quantity::Parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Quantity();
}

TEST(Quantity, ReadsEverySuffix) {
  EXPECT_EQ(Q("500m").MilliValue(), 500);
  EXPECT_EQ(Q("1.5Gi").Value(), 3LL << 29);
  EXPECT_EQ(Q("1e3").Value(), 1000);
  EXPECT_EQ(Q("1E3").Value(), 1000);
  EXPECT_EQ(Q("12E-3").MilliValue(), 12);
  EXPECT_EQ(Q("12e+2").Value(), 1200);
  EXPECT_EQ(Q("2E").Value(), 2'000'000'000'000'000'000);
  EXPECT_EQ(Q("1Ki").Value(), 1024);
  EXPECT_EQ(Q("1k").Value(), 1000);
  EXPECT_EQ(Q("3u").MilliValue(), 1);
  EXPECT_EQ(Q(".5").MilliValue(), 500);
  EXPECT_EQ(Q("5.").Value(), 5);
  EXPECT_EQ(Q("+5").Value(), 5);
  EXPECT_EQ(Q("-5").Value(), -5);
  EXPECT_EQ(Q("0000.1").MilliValue(), 100);
}

TEST(Quantity, RoundsUp) {
  EXPECT_EQ(Q("0.5m").MilliValue(), 1);
  EXPECT_EQ(Q("100.1").Value(), 101);
  EXPECT_EQ(Q("1n").Value(), 1);
  EXPECT_EQ(Q("-0.5m").MilliValue(), -1);
  EXPECT_EQ(Q("0.1n"), Q("1n"));
  EXPECT_EQ(Q("1e-300"), Q("1n"));
  EXPECT_EQ(Q("0.1Ki").Value(), 103);
  EXPECT_EQ(Q("1.0000000000000000000001Ki"), Q("1024.000000001"));
  EXPECT_EQ(Q("0.1m").RoundedUpToMilli(), Q("1m"));
}

TEST(Quantity, SaturatesAndCaps) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Q("12E").Value(), kMax);
  EXPECT_EQ(Q("12E").MilliValue(), kMax);
  EXPECT_EQ(Q("-12E").Value(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Q("9Ei").Value(), kMax);
  EXPECT_EQ(Q("9Ei"), Q("1000000Ei"));
  EXPECT_GT(Q("12E"), Q("11E"));
  EXPECT_EQ(Q("7Ei").Value(), 7LL << 60);
  Quantity sum;
  for (int i = 0; i < 1000; ++i) sum += Q("1e24");
  EXPECT_EQ(sum.Value(), kMax);
}

TEST(Quantity, RefusesWhatTheApiRefuses) {
  for (const char* text : {"",    "m",   "Gi",  "1.5.0", "1 Gi",  " 1",    "1gi",   "1GI",  "1K",
                           "1mm", "--1", "+-1", "1e",    "1e1.5", "1e--1", "1e+-1", "0x10", "1_000",
                           "1,5", "NaN", "inf", "1Gi1",  "e3",    ".",     "-",     "1kB",  "٣"}) {
    const Result<Quantity> parsed = Quantity::Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("is not a quantity"), std::string::npos);
  }
  for (const char* text : {"1e25", "1e999999999999", "99999999999999999999999999999"}) {
    const Result<Quantity> parsed = Quantity::Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("too large"), std::string::npos);
  }
  EXPECT_FALSE(Quantity::Parse(std::string(1000, '1')));
}

TEST(Quantity, PrintsTheCanonicalForm) {
  for (const auto& [text, canonical] : {std::pair("1.5Gi", "1536Mi"),
                                        {"0.5", "500m"},
                                        {"1e3", "1k"},
                                        {"1024Ki", "1Mi"},
                                        {"1000m", "1"},
                                        {"0Gi", "0"},
                                        {"0.5Ki", "512"},
                                        {"100.1", "100100m"},
                                        {"-1.5Gi", "-1536Mi"},
                                        {"1000000", "1M"}}) {
    EXPECT_EQ(Q(text).ToString(), canonical) << text;
  }
}

// Whatever parses prints to something that parses to the same value.
TEST(Quantity, RoundTrips) {
  std::mt19937_64 random(1);
  const std::string_view suffixes[] = {"n", "u",  "m",  "",   "k",  "M",
                                       "G", "Ki", "Mi", "Gi", "e2", "e-2"};
  for (int i = 0; i < 20'000; ++i) {
    const std::string text =
        fmt::format("{}{}.{}{}", random() % 2 ? "-" : "", random() % 100'000, random() % 1'000'000,
                    suffixes[random() % std::size(suffixes)]);
    const Quantity value = Q(text);
    EXPECT_EQ(Q(value.ToString()), value) << text << " " << value.ToString();
    EXPECT_EQ(value - value, Quantity());
    EXPECT_GE(std::abs(value.MilliValue()),
              std::abs(value.Value() - (value.Value() > 0 ? 1 : -1)) * 1000);
  }
}

}  // namespace
}  // namespace nodeproof::kubelet
