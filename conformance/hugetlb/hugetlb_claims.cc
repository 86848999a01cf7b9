#include "conformance/hugetlb/hugetlb_claims.h"

namespace nodeproof::conformance {

void RegisterHugetlbClaims(ClaimRegistry& registry) {
  registry.Add(HugetlbMax());
  registry.Add(HugetlbMaxGigantic());
  registry.Add(HugetlbRsvd());
  registry.Add(HugetlbNoOvercommit());
  registry.Add(HugetlbPerNode());
}

}  // namespace nodeproof::conformance
