// Does KVM truly run a vCPU here? On some nested or sandboxed hosts /dev/kvm opens and answers,
// and then the first instructions stop with an emulation failure.
#pragma once

#include <string>

#include "harness/base/result.h"

namespace nodeproof::node {

// Runs a few instructions in real mode and in long mode in a guest of one page of code. Takes about
// a millisecond. An Error says why KVM cannot be used; its code is ENOENT when there is no
// `device`.
Status ProbeKvm(const std::string& device = "/dev/kvm");

}  // namespace nodeproof::node
