#include "harness/node/kvm_probe.h"

#include <cpuid.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "harness/base/fd.h"
#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

constexpr size_t kMemorySize = 64 << 10;
constexpr uint64_t kPageMap = 0x1000;  // level 4, then 3 and 2 in the pages after it
constexpr uint64_t kCode = 0x8000;
constexpr uint64_t kStack = 0x9000;

// What both programs leave in a register, so that a vCPU that did nothing is not taken for good.
constexpr uint64_t kAnswer = 42;
// mov $42, %ax; push %ax; pop %bx; hlt
constexpr unsigned char kRealModeCode[] = {0xb8, 0x2a, 0x00, 0x50, 0x5b, 0xf4};
// xor %eax, %eax; cpuid; movq $42, %rax; push %rax; pop %rbx; hlt
constexpr unsigned char kLongModeCode[] = {0x31, 0xc0, 0x0f, 0xa2, 0x48, 0xc7, 0xc0,
                                           0x2a, 0x00, 0x00, 0x00, 0x50, 0x5b, 0xf4};
// shlx %rdx, %r8, %r8, at the start where the CPU has BMI2. A KVM that emulates what it cannot run
// natively stops here; Linux's decompressor uses this instruction before anything else does.
constexpr unsigned char kBmi2Code[] = {0xc4, 0x42, 0xe9, 0xf7, 0xc0};

class Mapping {
 public:
  Mapping(void* address, size_t size) : address_(address), size_(size) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (address_ != MAP_FAILED) ::munmap(address_, size_);
  }
  bool valid() const { return address_ != MAP_FAILED; }
  char* bytes() const { return static_cast<char*>(address_); }

 private:
  void* address_;
  size_t size_;
};

bool HasBmi2() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_BMI2) != 0;
}

void WriteCode(char* at, bool long_mode) {
  if (!long_mode) {
    std::memcpy(at, kRealModeCode, sizeof kRealModeCode);
    return;
  }
  if (HasBmi2()) {
    std::memcpy(at, kBmi2Code, sizeof kBmi2Code);
    at += sizeof kBmi2Code;
  }
  std::memcpy(at, kLongModeCode, sizeof kLongModeCode);
}

kvm_segment Segment(bool code, bool long_mode) {
  kvm_segment segment{};
  segment.limit = long_mode ? 0xffffffff : 0xffff;
  segment.selector = code ? 8 : 16;
  if (!long_mode) segment.selector = 0;
  segment.present = 1;
  segment.type = code ? 11 : 3;
  segment.s = 1;
  segment.l = code && long_mode ? 1 : 0;
  segment.db = !code && long_mode ? 1 : 0;
  segment.g = long_mode ? 1 : 0;
  return segment;
}

void EnterLongMode(kvm_sregs& registers, char* memory) {
  // One 2 MiB page at address 0, present and writable at each level.
  const uint64_t tables[] = {(kPageMap + 0x1000) | 3, (kPageMap + 0x2000) | 3, 0x83};
  for (size_t level = 0; level < 3; ++level) {
    std::memcpy(memory + kPageMap + level * 0x1000, &tables[level], sizeof tables[level]);
  }
  registers.cr3 = kPageMap;
  registers.cr4 = 1 << 5;                     // PAE
  registers.cr0 = 0x80000000 | (1 << 4) | 1;  // PG, ET, PE
  registers.efer = (1 << 10) | (1 << 8);      // LMA, LME
}

Status RunCode(int kvm, bool long_mode) {
  const char* mode = long_mode ? "long mode" : "real mode";
  const Fd vm(::ioctl(kvm, KVM_CREATE_VM, 0));
  if (!vm.valid()) return FailErrno(errno, "create a KVM guest");
  const Mapping memory(
      ::mmap(nullptr, kMemorySize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      kMemorySize);
  if (!memory.valid()) return FailErrno(errno, "map guest memory");
  WriteCode(memory.bytes() + kCode, long_mode);
  kvm_userspace_memory_region region{};
  region.memory_size = kMemorySize;
  region.userspace_addr = reinterpret_cast<uintptr_t>(memory.bytes());
  if (::ioctl(vm.get(), KVM_SET_USER_MEMORY_REGION, &region) != 0) {
    return FailErrno(errno, "give a KVM guest memory");
  }
  const Fd vcpu(::ioctl(vm.get(), KVM_CREATE_VCPU, 0));
  if (!vcpu.valid()) return FailErrno(errno, "create a KVM vCPU");
  const int run_size = ::ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (run_size < static_cast<int>(sizeof(kvm_run))) return Fail("KVM maps no vCPU state");
  const Mapping run_map(::mmap(nullptr, static_cast<size_t>(run_size), PROT_READ | PROT_WRITE,
                               MAP_SHARED, vcpu.get(), 0),
                        static_cast<size_t>(run_size));
  if (!run_map.valid()) return FailErrno(errno, "map a KVM vCPU");

  kvm_sregs special{};
  if (::ioctl(vcpu.get(), KVM_GET_SREGS, &special) != 0) return FailErrno(errno, "KVM_GET_SREGS");
  special.cs = Segment(true, long_mode);
  special.ds = special.es = special.ss = special.fs = special.gs = Segment(false, long_mode);
  if (long_mode) EnterLongMode(special, memory.bytes());
  if (::ioctl(vcpu.get(), KVM_SET_SREGS, &special) != 0) return FailErrno(errno, "KVM_SET_SREGS");
  kvm_regs registers{};
  registers.rip = kCode;
  registers.rsp = kStack;
  registers.rflags = 2;
  if (::ioctl(vcpu.get(), KVM_SET_REGS, &registers) != 0) return FailErrno(errno, "KVM_SET_REGS");

  int result = 0;
  do {
    result = ::ioctl(vcpu.get(), KVM_RUN, 0);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return FailErrno(errno, fmt::format("run a KVM vCPU in {}", mode));
  const auto* run = reinterpret_cast<const kvm_run*>(run_map.bytes());
  if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
    return Fail(
        "a KVM vCPU stops in {} with internal error {}{}", mode, run->internal.suberror,
        run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ? " (emulation failure)" : "");
  }
  if (run->exit_reason != KVM_EXIT_HLT) {
    return Fail("a KVM vCPU stops in {} with exit reason {}", mode, run->exit_reason);
  }
  if (::ioctl(vcpu.get(), KVM_GET_REGS, &registers) != 0) return FailErrno(errno, "KVM_GET_REGS");
  if (registers.rbx != kAnswer) return Fail("a KVM vCPU computes wrongly in {}", mode);
  return {};
}

}  // namespace

Status ProbeKvm(const std::string& device) {
  const Fd kvm = TRY(OpenAt(AT_FDCWD, device, O_RDWR));
  const int version = ::ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION) return Fail("{} is not KVM (version {})", device, version);
  TRY(RunCode(kvm.get(), /*long_mode=*/false));
  return RunCode(kvm.get(), /*long_mode=*/true);
}

}  // namespace nodeproof::node
