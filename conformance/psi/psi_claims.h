// Claims about pressure stall information: a group's stalls show in it and above it, in full, and
// nowhere else.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterPsiClaims(ClaimRegistry& registry);

Claim PsiCpuThrottling();
Claim PsiCpuContention();
Claim PsiMemory();
Claim PsiIdleSiblingQuiet();
Claim PsiTrigger();
Claim PsiAverages();

}  // namespace nodeproof::conformance
