#include "conformance/all_claims.h"

#include "conformance/cgroup/cgroup_claims.h"
#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/eviction/eviction_claims.h"
#include "conformance/hugetlb/hugetlb_claims.h"
#include "conformance/io/io_claims.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/pids/pids_claims.h"
#include "conformance/psi/psi_claims.h"
#include "conformance/scenario/scenario_claims.h"

namespace nodeproof::conformance {

void RegisterAllClaims(ClaimRegistry& registry) {
  RegisterCpuClaims(registry);
  RegisterCpusetClaims(registry);
  RegisterMemoryClaims(registry);
  RegisterOomClaims(registry);
  RegisterEvictionClaims(registry);
  RegisterPidsClaims(registry);
  RegisterCgroupClaims(registry);
  RegisterPsiClaims(registry);
  RegisterHugetlbClaims(registry);
  RegisterIoClaims(registry);
  RegisterNumaClaims(registry);
  RegisterScenarioClaims(registry);
}

}  // namespace nodeproof::conformance
