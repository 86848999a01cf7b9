// QEMU's command line, as data: everything that decides what a guest sees.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/node/protocol.h"
#include "harness/node/vm_shape.h"

namespace nodeproof::node {

enum class Accelerator { kTcg, kKvm };
std::string_view ToString(Accelerator accelerator);  // "tcg", "kvm"

struct QemuCommand {
  std::string qemu;    // path of qemu-system-x86_64
  std::string kernel;  // path of the bzImage
  VmShape shape;
  Accelerator accelerator = Accelerator::kTcg;
  Lane lane = Lane::kRealtime;
  uint64_t seed = 0;  // of everything random in a deterministic guest
  // Descriptors that QEMU inherits. The serial ports are pipes; QMP is a connected socket.
  int unpacked_kernel = -1;  // what UnpackKernel made of `kernel`, or -1 to boot the bzImage
  int initramfs = -1;
  int console = -1;
  int events = -1;
  int qmp = -1;
  int scratch = -1;      // a disk image, or -1
  int still_clock = -1;  // the library still_clock.cc, for the deterministic lane, or -1
};

// Whether guests of this shape do the same to the last instruction, run for run, in the
// deterministic lane. Those with several CPUs do so nearly: which CPU runs next depends on when
// QEMU's own threads ran.
bool RepeatsExactly(const VmShape& shape);

// argv of QEMU. Every part of it comes from the facts in NODE's measurements: see the comments at
// each option in the source.
std::vector<std::string> QemuArgv(const QemuCommand& command);

// The guest kernel's command line.
std::string KernelCommandLine(const QemuCommand& command);

// An executable by its name in PATH (and, for tools of root, /usr/sbin and /sbin), or a path as it
// is. The Error says which Debian package has it.
Result<std::string> FindProgram(const std::string& name, const std::string& package);

}  // namespace nodeproof::node
