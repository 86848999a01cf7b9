// The style sheet of report.html, made from report.css by the build.
#pragma once

#include <string_view>

namespace nodeproof::reports {

extern const std::string_view kHtmlStyle;

}  // namespace nodeproof::reports
