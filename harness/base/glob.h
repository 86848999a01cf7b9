// Name patterns as the command line takes them.
#pragma once

#include <string_view>

namespace nodeproof {

// True if `name` matches `pattern`, where '*' is any run of characters (dots too) and '?' any one.
bool GlobMatch(std::string_view pattern, std::string_view name);

}  // namespace nodeproof
