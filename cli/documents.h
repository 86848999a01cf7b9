// The documents that commands take as arguments. However a file is broken, there is one Error that
// names it and says what is wrong.
#pragma once

#include <string>

#include "harness/base/result.h"
#include "harness/results/results.h"
#include "reports/known/known.h"

namespace nodeproof::cli {

// The text of an argument's file: a regular file of at most 512 MiB.
Result<std::string> LoadText(const std::string& path);

// A results.json.
Result<results::Results> LoadResults(const std::string& path);

// A list of known violations; the shipped one for an empty path.
Result<reports::KnownList> LoadKnown(const std::string& path);

}  // namespace nodeproof::cli
