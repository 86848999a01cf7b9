// Claims about pids.max: how many tasks a pod, all pods together and the node may have.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterPidsClaims(ClaimRegistry& registry);

Claim PidsForkBomb();
Claim PidsVfork();
Claim PidsThreads();
Claim PidsClone3();
Claim PidsForkLatency();
Claim PidsNested();
Claim PidsNodeReserve();
Claim PidsPeak();
Claim PidsEvents();
Claim PidsMoved();

}  // namespace nodeproof::conformance
