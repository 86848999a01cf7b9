#include "reports/html_page.h"

#include "reports/html_style.h"

namespace nodeproof::reports {

void OpenPage(std::string_view title, HtmlWriter& page) {
  page.Own("<!DOCTYPE html>\n");
  page.Open("html", {{"lang", "en"}});
  page.Open("head");
  page.Own("<meta charset=\"utf-8\">\n");
  page.Own("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
  page.Own(
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\">\n");
  page.Element("title", {}, title);
  page.Open("style");
  page.Own(HtmlStyle());
  page.Close();
  page.Close();
  page.Open("body");
}

void ClosePage(HtmlWriter& page) {
  page.Close();
  page.Close();
}

}  // namespace nodeproof::reports
