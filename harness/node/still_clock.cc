// Preloaded into QEMU in the deterministic lane: the host's time of day stands still. QEMU resizes
// its translation lookaside buffers by it (tlb_mmu_resize_locked in accel/tcg/cputlb.c), and on
// which entries survive depends whether a guest sees a fault that its page table no longer calls
// for. All else that QEMU does in that lane goes by the guest's own clock.
#include <sys/time.h>

extern "C" int gettimeofday(timeval* now, void*) noexcept {
  *now = {.tv_sec = 1767225600, .tv_usec = 0};  // 2026-01-01, where the guest's clock starts
  return 0;
}
