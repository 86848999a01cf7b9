// All claims, in the order they are registered. Registration is explicit: each area has one
// function, called from RegisterAllClaims.
#pragma once

#include <vector>

#include "conformance/claim.h"

namespace nodeproof::conformance {

class ClaimRegistry {
 public:
  // Aborts on an id that is taken or that is not words of [a-z0-9-] joined by dots: a mistake of
  // the program, found by the first test that lists claims.
  void Add(Claim claim);

  const std::vector<Claim>& claims() const { return claims_; }
  const Claim* Find(std::string_view id) const;

 private:
  std::vector<Claim> claims_;
};

}  // namespace nodeproof::conformance
