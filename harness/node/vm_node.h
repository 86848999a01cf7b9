// A run in a guest: a kernel booted in QEMU with an initramfs that holds the agent as /init, its
// libraries, the request and kernel modules, and nothing else.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/units.h"
#include "harness/node/agent_session.h"
#include "harness/node/initramfs.h"
#include "harness/node/kernel_image.h"
#include "harness/node/kernel_modules.h"
#include "harness/node/node.h"
#include "harness/node/qemu_command.h"
#include "harness/node/vm_shape.h"

namespace nodeproof::node {

enum class AcceleratorChoice { kAuto, kKvm, kTcg };
Result<AcceleratorChoice> ParseAcceleratorChoice(std::string_view text);  // "auto", "kvm", "tcg"

struct ExtraFile {
  std::string guest_path;
  std::string host_path;
};

struct VmOptions {
  std::string agent;                 // path of nodeproof-agent on this machine
  std::string kernel;                // as FindKernel takes it; empty is the default
  std::string shape = "default";     // as FindShape takes it
  std::optional<int> cpus;           // instead of the shape's
  std::optional<Bytes> memory;       // instead of the shape's
  std::vector<std::string> modules;  // as ResolveModules takes them
  std::vector<ExtraFile> files;
  std::vector<std::string> programs = {};  // under the same path in the guest, with libraries
  AcceleratorChoice accelerator = AcceleratorChoice::kAuto;
  std::string qemu = "qemu-system-x86_64";  // a path or a name in PATH
  // Path of nodeproof-still-clock.so; without it runs in the deterministic lane repeat only nearly.
  std::string still_clock = {};
  std::string cache;  // of kernels; empty is CacheDirectory()
  Patience patience;
  int max_boots = 3;
};

class VmNode : public Node {
 public:
  // Checks everything that can be checked without a boot (QEMU, kernel, agent and its libraries,
  // shape, sizes, modules), so that bad input is one clear Error with its remedy.
  static Result<std::unique_ptr<VmNode>> Create(const VmOptions& options);

  std::string_view kind() const override { return "vm"; }

  // Boots and runs. A guest that panics, hangs or powers off before the agent says hello is booted
  // again, with a note, `max_boots` times in all; then it is an Error with the last console lines.
  // After hello nothing is repeated: the outcome says during which claim it broke off.
  Result<RunOutcome> Run(const RunRequest& request, EventSink& sink, int cancel_fd) override;

  const KernelImage& kernel() const { return kernel_; }
  const VmShape& shape() const { return shape_; }
  // The hardware of the boots to come: the same kernel, modules and accelerator on another shape.
  void ChangeShape(VmShape shape) { shape_ = std::move(shape); }
  // Whether a guest gets one CPU in this lane, whatever its shape.
  bool HasOneCpuOnly(Lane lane) const;

  // The guest's initramfs for a request: /init, /lib, /request.json, /modules, /modules.load. Where
  // the kernel lacks a module of the shape's the guest gets none of these, and a note says so.
  Result<Fd> BuildInitramfs(RunRequest request, EventSink& sink) const;

 private:
  VmNode() = default;
  Result<VmShape> ShapeFor(Lane lane, EventSink& sink) const;
  Result<Accelerator> ChooseAccelerator(Lane lane, EventSink& sink);
  Result<std::vector<KernelModule>> ModulesFor(const VmShape& shape, EventSink& sink) const;

  VmOptions options_;
  std::string qemu_;
  KernelImage kernel_;
  Fd unpacked_kernel_;  // invalid when the image has to be booted as it is
  Fd still_clock_;      // invalid where the options name none
  VmShape shape_;
  Initramfs base_;                     // everything but the request and modules
  std::vector<KernelModule> modules_;  // that the user asked for
  bool kvm_failed_ = false;            // found out in a boot; not tried again
};

}  // namespace nodeproof::node
