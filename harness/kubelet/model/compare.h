// Whether an answer is what a case expects, by the rules of the vectors' format: ranges hold the
// value, sets compare as sets, quantities by value, errors by being there and by type, and an
// answer may have more keys than expected.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nodeproof::kubelet {

// "" if `answer` meets the case's `expect` (or `expect_compare`), else where it does not.
std::string Mismatch(const nlohmann::json& the_case, const nlohmann::json& answer);

}  // namespace nodeproof::kubelet
