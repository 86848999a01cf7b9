// The style sheet of report.html, made from report.css by the build.
#pragma once

#include <string_view>

namespace nodeproof::reports {

std::string_view HtmlStyle();

}  // namespace nodeproof::reports
