// Every claim there is.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterAllClaims(ClaimRegistry& registry);

}  // namespace nodeproof::conformance
