#include "harness/base/utf8.h"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(ToValidUtf8, KeepsValidText) {
  const std::string text = "ascii, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x90\xA7";
  EXPECT_EQ(ToValidUtf8(text), text);
}

TEST(ToValidUtf8, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(ToValidUtf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(ToValidUtf8("cut \xE2\x82"), "cut \xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ToValidUtf8("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "overlong";
  EXPECT_EQ(ToValidUtf8("\xED\xA0\x80").find("\xED"), std::string::npos) << "surrogate";
  EXPECT_EQ(ToValidUtf8("\xF4\x90\x80\x80").find("\xF4"), std::string::npos) << "over U+10FFFF";
}

}  // namespace
}  // namespace nodeproof
