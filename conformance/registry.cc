#include "conformance/registry.h"

#include <algorithm>
#include <cstdlib>

#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

bool IsClaimId(std::string_view id) {
  const auto words = Split(id, '.');
  return words.size() >= 2 && std::all_of(words.begin(), words.end(), [](std::string_view word) {
           return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
         });
}

}  // namespace

void ClaimRegistry::Add(Claim claim) {
  if (!IsClaimId(claim.id) || Find(claim.id) != nullptr) {
    fmt::print(stderr, "claim id '{}' is taken or malformed\n", claim.id);
    std::abort();
  }
  claims_.push_back(std::move(claim));
}

const Claim* ClaimRegistry::Find(std::string_view id) const {
  const auto at = std::find_if(claims_.begin(), claims_.end(),
                               [id](const Claim& claim) { return claim.id == id; });
  return at == claims_.end() ? nullptr : &*at;
}

}  // namespace nodeproof::conformance
