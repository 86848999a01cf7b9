// Claims about huge pages: the limit of each group, and a pool that nobody can overdraw.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterHugetlbClaims(ClaimRegistry& registry);

Claim HugetlbMax();
Claim HugetlbMaxGigantic();
Claim HugetlbRsvd();
Claim HugetlbNoOvercommit();
Claim HugetlbPerNode();

}  // namespace nodeproof::conformance
