// The frame of every HTML page: one file that opens offline and may neither load nor run anything,
// whatever a results file says.
#pragma once

#include <string_view>

#include "reports/html_writer.h"

namespace nodeproof::reports {

// Opens the document up to its body.
void OpenPage(std::string_view title, HtmlWriter& page);
void ClosePage(HtmlWriter& page);

}  // namespace nodeproof::reports
