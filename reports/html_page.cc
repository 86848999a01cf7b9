#include "reports/html_page.h"

#include <cstdint>
#include <string>

#include "reports/html_style.h"

namespace nodeproof::reports {
namespace {

// "ff00…" as base64, which is how a security policy names a hash.
std::string Base64OfHex(std::string_view hex) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto digit = [](char c) {
    return static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  uint32_t bits = 0;
  int count = 0;
  std::string out;
  const auto put = [&] {
    while (count >= 6) {
      count -= 6;
      out += kAlphabet[(bits >> count) & 63];
    }
  };
  for (const char c : hex) {
    bits = (bits << 4) | digit(c);
    count += 4;
    put();
  }
  if (count > 0) {
    bits <<= 6 - count;
    count = 6;
    put();
  }
  while (out.size() % 4 != 0) out += '=';
  return out;
}

}  // namespace

void OpenPage(std::string_view title, Scripted scripted, HtmlWriter& page) {
  page.Own("<!DOCTYPE html>\n");
  page.Open("html", {{"lang", "en"}});
  page.Open("head");
  page.Own("<meta charset=\"utf-8\">\n");
  page.Own("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
  page.Own(
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'");
  if (scripted == Scripted::kYes) {
    page.Own("; script-src 'sha256-" + Base64OfHex(HtmlScriptSha256()) + "'");
  }
  page.Own("\">\n");
  page.Element("title", {}, title);
  page.Open("style");
  page.Own(HtmlStyle());
  page.Close();
  page.Close();
  page.Open("body");
}

void ClosePage(Scripted scripted, HtmlWriter& page) {
  if (scripted == Scripted::kYes) {
    page.Open("script");
    page.Own(HtmlScript());
    page.Close();
  }
  page.Close();
  page.Close();
}

}  // namespace nodeproof::reports
