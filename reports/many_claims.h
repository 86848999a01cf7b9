// For the benchmark and the browser test: a run of ten thousand claims.
#pragma once

#include <cstdlib>

#include "harness/base/file.h"
#include "harness/results/results.h"

namespace nodeproof::reports {

// The claims of `path` (a results.json) over and over, each with 100 samples a check.
inline results::Results ManyClaims(const std::string& path, int count = 10000) {
  auto results = results::ParseResults(ReadFile(path).value(), path);
  if (!results) std::abort();
  const std::vector<results::Claim> kinds = std::move(results->claims);
  results->claims.clear();
  for (int i = 0; i < count; ++i) {
    results::Claim claim = kinds[static_cast<size_t>(i) % kinds.size()];
    claim.id += fmt::format(".case-{}", i);
    for (auto* arm : {&claim.protected_arm, &claim.control_arm}) {
      if (!*arm) continue;
      for (results::Check& check : (*arm)->checks) {
        while (check.measured.samples.size() < 100) {
          check.measured.samples.push_back(check.measured.estimate * (1 + i * 1e-7));
        }
      }
    }
    results->claims.push_back(std::move(claim));
  }
  return *std::move(results);
}

}  // namespace nodeproof::reports
