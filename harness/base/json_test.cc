#include "harness/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace nodeproof {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ErrorOf(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = ParseJson(text, "f.json", limits);
  return parsed ? "parsed" : parsed.error().message;
}

TEST(ParseJson, ReadsEveryKindOfValue) {
  const auto parsed = ParseJson(R"({"a":[1,-2,0.5,true,null,"x"],"b":{}})", "f.json");
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(parsed->at("a").size(), 6u);
  EXPECT_EQ(parsed->at("a")[1], -2);
  EXPECT_TRUE(parsed->at("b").is_object());
}

TEST(ParseJson, SaysThatTextIsCutShort) {
  for (const char* text : {"", " ", "{", R"({"a)", R"({"a":)", R"({"a":[1,)", R"({"a":{"b":1})"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("cut short")) << text;
  }
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const char* text :
       {"{}x", "NaN", "[1,]", "{'a':1}", "// c\n1", "\"\x1b[31m\"", "\"\xff\""}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("f.json: not JSON near byte")) << text;
    EXPECT_THAT(ErrorOf(text), Not(HasSubstr("\x1b")));
    EXPECT_THAT(ErrorOf(text), Not(HasSubstr("\xff")));
  }
  EXPECT_THAT(ErrorOf("1e999"), HasSubstr("out of range"));
  EXPECT_EQ(ErrorOf(R"({"a":{"b":1,"b":2}})"), "f.json: a.b: the field stands there twice");
}

TEST(ParseJson, StaysWithinItsLimits) {
  EXPECT_THAT(ErrorOf(std::string(1000000, '[')), HasSubstr("nested deeper than 64 levels"));
  EXPECT_EQ(ErrorOf(R"({"a":[0,"long"]})", {.string_bytes = 3}),
            "f.json: a[1]: a string longer than 3 bytes");
  EXPECT_EQ(ErrorOf("[0,0,0]", {.values = 3}), "f.json: [2]: over 3 values");
  EXPECT_EQ(ErrorOf("[0,0,0]", {.bytes = 6}), "f.json: 7 bytes, but at most 6 can be read");
}

TEST(DumpJson, DoublesReadBackTheSame) {
  for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 137.0}) {
    const auto text = DumpJson(Json(value));
    ASSERT_TRUE(text);
    const double back = ParseJson(*text, "f.json").value().get<double>();
    EXPECT_EQ(back, value);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
  }
}

TEST(DumpJson, NeverWritesInvalidJson) {
  const Json bad = {{"a", {1.0, std::numeric_limits<double>::quiet_NaN()}}};
  const auto dumped = DumpJson(bad);
  ASSERT_FALSE(dumped);
  EXPECT_EQ(dumped.error().message, "a[1]: not a finite number");
  EXPECT_EQ(DumpJson(Json("\xff")).value(), "\"\xEF\xBF\xBD\"");
}

TEST(DumpJson, WritesNothingTooDeepToRead) {
  Json json = 1;
  for (int i = 0; i < 64; ++i) json = Json::array({json});
  ASSERT_TRUE(DumpJson(json));
  EXPECT_TRUE(ParseJson(DumpJson(json).value(), "f.json"));
  json = Json::array({json});
  EXPECT_FALSE(DumpJson(json));
}

TEST(Quoted, IsOneShortPrintableLine) {
  EXPECT_EQ(Quoted("a\n\"\x1b"), R"("a\u000a\"\u001b")");
  EXPECT_LT(Quoted(std::string(1 << 20, 'x')).size(), 100u);
}

}  // namespace
}  // namespace nodeproof
