// The style sheet and the script of report.html, made from report.css and report.js by the build.
#pragma once

#include <string_view>

namespace nodeproof::reports {

std::string_view HtmlStyle();

std::string_view HtmlScript();
// Of the script, in hexadecimal: the page's security policy names it, so that no other script runs.
std::string_view HtmlScriptSha256();

}  // namespace nodeproof::reports
