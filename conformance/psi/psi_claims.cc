#include "conformance/psi/psi_claims.h"

namespace nodeproof::conformance {

void RegisterPsiClaims(ClaimRegistry& registry) {
  registry.Add(PsiCpuThrottling());
  registry.Add(PsiCpuContention());
  registry.Add(PsiMemory());
  registry.Add(PsiIdleSiblingQuiet());
  registry.Add(PsiTrigger());
  registry.Add(PsiAverages());
}

}  // namespace nodeproof::conformance
