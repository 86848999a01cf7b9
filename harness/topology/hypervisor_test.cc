#include "harness/topology/hypervisor.h"

#include <gtest/gtest.h>

#include "harness/base/file.h"

namespace nodeproof {
namespace {

TEST(Hypervisor, ASignatureIsTheRegistersBytes) {
  EXPECT_EQ(SignatureOf({0x54474354, 0x43544743, 0x47435447}), "TCGTCGTCGTCG");
  EXPECT_EQ(SignatureOf({0x4b4d564b, 0x564b4d56, 0x0000004d}), "KVMKVMKVM");
  EXPECT_EQ(SignatureOf({0, 0, 0}), "");
}

TEST(Hypervisor, AMachineWithKvmOfItsOwnIsNotTcg) {
  // TCG gives its guests no Intel VMX.
  const auto cpuinfo = ReadFile("/proc/cpuinfo");
  if (!cpuinfo || cpuinfo->find(" vmx ") == std::string::npos) GTEST_SKIP() << "no VMX here";
  EXPECT_FALSE(RunsUnderTcg());
}

}  // namespace
}  // namespace nodeproof
