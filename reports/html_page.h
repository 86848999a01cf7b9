// The frame of every HTML page: one file that opens offline, loads nothing and runs no script but
// our own, whatever a results file says.
#pragma once

#include <string_view>

#include "reports/html_writer.h"

namespace nodeproof::reports {

enum class Scripted { kNo, kYes };

// Opens the document up to its body.
void OpenPage(std::string_view title, Scripted scripted, HtmlWriter& page);
// Closes it, with the script for search and filter at its end if it is scripted.
void ClosePage(Scripted scripted, HtmlWriter& page);

}  // namespace nodeproof::reports
