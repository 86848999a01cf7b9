// Golden files: what a renderer wrote when somebody last looked at it.
#pragma once

#include <string>

namespace nodeproof::reports {

// Compares `text` with testdata/<file>; `reports_test --update-golden` writes the file anew.
void ExpectGolden(const std::string& file, const std::string& text);

// Set by the test's main.
void UpdateGoldenFiles();

}  // namespace nodeproof::reports
