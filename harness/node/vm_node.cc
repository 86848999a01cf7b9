#include "harness/node/vm_node.h"

#include <cerrno>
#include <utility>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/node/elf_closure.h"
#include "harness/node/kvm_probe.h"
#include "harness/node/scratch_disk.h"
#include "harness/node/vm_boot.h"

namespace nodeproof::node {
namespace {

constexpr size_t kConsoleLines = 6;  // in an error message
constexpr Seconds kKvmHello{30};     // a guest under KVM boots in a second or two

void Note(EventSink& sink, const std::string& text) { sink.OnEvent(NoteEvent(text)); }

Status PackProgram(const std::string& program, const std::string& guest_path, Initramfs& image) {
  auto files = LibraryClosure(program, guest_path, DefaultLibraryDirectories());
  if (!files) return Fail("pack {}: {}", program, files.error().ToString());
  for (ClosureFile& file : *files) {
    image.AddFile(file.guest_path, std::move(file.content), 0755);
  }
  return {};
}

Result<Initramfs> PackAgent(const VmOptions& options) {
  Initramfs image;
  for (const char* directory : {"/dev", "/proc", "/sys", "/tmp", "/run", "/etc"}) {
    image.AddDirectory(directory);
  }
  image.AddCharDevice("/dev/console", 5, 1);
  image.AddCharDevice("/dev/null", 1, 3);
  image.AddCharDevice(kGuestEventsPath, 4, 65);  // so that the agent can speak before any mount
  image.AddSymlink("/lib64", "lib");
  TRY(PackProgram(options.agent, kGuestAgentPath, image));
  for (const std::string& program : options.programs) TRY(PackProgram(program, program, image));
  for (const ExtraFile& file : options.files) {
    image.AddFile(file.guest_path, TRY(ReadFile(file.host_path)), 0755);
  }
  return image;
}

// 6.1 with two or more CPUs hangs at SMP boot under -icount; 6.12 was seen to work with 1 to 8.
bool HangsOnSmpWithIcount(const KernelImage& kernel) {
  return std::pair(kernel.major, kernel.minor) < std::pair(6, 12);
}

Json Facts(const KernelImage& kernel, const QemuCommand& command, const BootReport& report,
           int boots) {
  return {{"accelerator", ToString(command.accelerator)},
          {"qemu", report.qemu_version},
          {"kernel", kernel.path},
          {"kernel_release", kernel.release},
          {"entry", command.unpacked_kernel >= 0 ? "pvh" : "bzimage"},
          {"lane", ToString(command.lane)},
          {"shape", DescribeShape(command.shape)},
          {"argv", report.argv},
          {"boots", boots},
          {"boot_s", report.until_hello.count()}};
}

}  // namespace

Result<AcceleratorChoice> ParseAcceleratorChoice(std::string_view text) {
  if (text == "auto") return AcceleratorChoice::kAuto;
  if (text == "kvm") return AcceleratorChoice::kKvm;
  if (text == "tcg") return AcceleratorChoice::kTcg;
  return Fail("unknown accelerator '{}': it is 'auto', 'kvm' or 'tcg'", text);
}

Result<std::unique_ptr<VmNode>> VmNode::Create(const VmOptions& options) {
  std::unique_ptr<VmNode> node(new VmNode);
  node->options_ = options;
  node->shape_ = TRY(Resize(TRY(FindShape(options.shape)), options.cpus, options.memory));
  const std::string cache = options.cache.empty() ? TRY(CacheDirectory()) : options.cache;
  node->kernel_ = TRY(FindKernel(options.kernel, cache));
  node->qemu_ = TRY(FindProgram(options.qemu, "qemu-system-x86"));
  if (auto unpacked = UnpackKernel(node->kernel_.path)) {
    node->unpacked_kernel_ = *std::move(unpacked);
  }
  if (!options.still_clock.empty()) {
    node->still_clock_ = TRY(OpenAt(AT_FDCWD, options.still_clock, O_RDONLY));
  }
  node->base_ = TRY(PackAgent(options));
  node->modules_ = TRY(ResolveModules(options.modules, node->kernel_));
  return node;
}

Result<std::vector<KernelModule>> VmNode::ModulesFor(const VmShape& shape, EventSink& sink) const {
  if (shape.modules.empty()) return modules_;
  std::vector<std::string> names = shape.modules;
  names.insert(names.end(), options_.modules.begin(), options_.modules.end());
  auto modules = ResolveModules(names, kernel_);
  if (modules) return modules;
  Note(sink, fmt::format("shape {}: {}: the guest runs without the shape's modules", shape.name,
                         modules.error().message));
  return modules_;
}

Result<Fd> VmNode::BuildInitramfs(RunRequest request, EventSink& sink) const {
  Initramfs image = base_;
  request.modules.clear();
  for (KernelModule& module : TRY(ModulesFor(shape_, sink))) {
    request.modules.push_back(module.guest_path);
    image.AddFile(module.guest_path, std::move(module.content));
  }
  if (!request.modules.empty()) {
    image.AddFile(kGuestModulesPath, fmt::format("{}\n", fmt::join(request.modules, "\n")));
  }
  image.AddFile(kGuestRequestPath, FormatRequest(request));
  return image.Write();
}

bool VmNode::HasOneCpuOnly(Lane lane) const {
  return lane == Lane::kDeterministic && HangsOnSmpWithIcount(kernel_);
}

Result<VmShape> VmNode::ShapeFor(Lane lane, EventSink& sink) const {
  if (shape_.cpus() == 1 || !HasOneCpuOnly(lane)) return shape_;
  const std::string why = fmt::format(
      "kernel {} hangs with more than one CPU in the deterministic lane", kernel_.release);
  auto single = Resize(shape_, 1, std::nullopt);
  if (options_.cpus || !single) {
    return std::unexpected(Error{why, "use --cpus 1, kernel 6.12 or the realtime lane", 0});
  }
  Note(sink, why + ": it has one CPU in this run");
  return single;
}

Result<Accelerator> VmNode::ChooseAccelerator(Lane lane, EventSink& sink) {
  if (lane == Lane::kDeterministic) {
    if (options_.accelerator != AcceleratorChoice::kKvm) return Accelerator::kTcg;
    return std::unexpected(Error{"the deterministic lane counts instructions, KVM cannot do that",
                                 "leave out the accelerator or choose tcg", 0});
  }
  if (shape_.cxl_memory.value > 0) {
    // QEMU emulates each access to such memory. Under KVM the host's kernel has to decode the
    // instruction for that, which it cannot do for all that a program uses (AVX, say).
    if (options_.accelerator == AcceleratorChoice::kKvm) {
      Note(sink, fmt::format("shape {} runs under TCG: KVM cannot give programs the memory of an "
                             "emulated CXL device",
                             shape_.name));
    }
    return Accelerator::kTcg;
  }
  if (options_.accelerator == AcceleratorChoice::kTcg || kvm_failed_) return Accelerator::kTcg;
  const Status probe = ProbeKvm();
  if (probe) return Accelerator::kKvm;
  if (options_.accelerator == AcceleratorChoice::kKvm) {
    return std::unexpected(WithHint(probe.error(), "choose the accelerator auto or tcg"));
  }
  kvm_failed_ = true;  // the note below is said once
  if (probe.error().code != ENOENT) {
    Note(sink, fmt::format("KVM cannot be used here ({}): the guest runs under TCG",
                           probe.error().message));
  }
  return Accelerator::kTcg;
}

Result<RunOutcome> VmNode::Run(const RunRequest& request, EventSink& sink, int cancel_fd) {
  QemuCommand command;
  command.qemu = qemu_;
  command.kernel = kernel_.path;
  command.unpacked_kernel = unpacked_kernel_.get();
  command.lane = request.lane;
  command.seed = request.seed;
  command.shape = TRY(ShapeFor(request.lane, sink));
  command.accelerator = TRY(ChooseAccelerator(request.lane, sink));
  if (request.lane == Lane::kDeterministic) {
    command.still_clock = still_clock_.get();
    if (!RepeatsExactly(command.shape)) {
      Note(sink, fmt::format("a guest with {} CPUs repeats only nearly in the deterministic lane: "
                             "figures may differ from run to run",
                             command.shape.cpus()));
    }
  }
  Fd scratch;
  if (request.scratch.value > 0) {
    if (request.lane == Lane::kDeterministic) return Fail("the deterministic lane has no disks");
    scratch = TRY(MakeScratchDisk(request.scratch));
    command.scratch = scratch.get();
  }
  const Fd initramfs = TRY(BuildInitramfs(request, sink));
  command.initramfs = initramfs.get();

  for (int boots = 1;; ++boots) {
    Patience patience = options_.patience;
    const bool kvm = command.accelerator == Accelerator::kKvm;
    if (kvm) patience.hello = std::min(patience.hello, kKvmHello);
    BootReport report = TRY(BootGuest(command, patience, MonotonicClock(), sink, cancel_fd));
    RunOutcome outcome = std::move(report.outcome);
    outcome.boots = boots;
    outcome.facts = Facts(kernel_, command, report, boots);
    outcome.emulator_fault = command.accelerator == Accelerator::kTcg &&
                             DiedOfStaleTranslation(outcome.console, report.qemu_version);
    if (outcome.emulator_fault) {
      outcome.reason += fmt::format(
          " (QEMU {} executed a stale translation of code that the guest had patched; 8.1 mends "
          "it)",
          report.qemu_version);
    }
    const bool broke = outcome.ending == Ending::kDied || outcome.ending == Ending::kSilent;
    if (report.said_hello || !broke) return outcome;

    if (kvm && options_.accelerator == AcceleratorChoice::kAuto) {
      kvm_failed_ = true;
      command.accelerator = Accelerator::kTcg;
      Note(sink, fmt::format("KVM cannot run the guest ({}): it runs under TCG", outcome.reason));
      continue;
    }
    if (report.qemu_failed) return Fail("{}", outcome.reason);
    if (boots >= options_.max_boots) {
      return std::unexpected(
          Error{fmt::format("{} ({} boots tried); its last console lines: {}", outcome.reason,
                            boots, LastLines(outcome.console, kConsoleLines)),
                "try another --kernel or --shape", 0});
    }
    Note(sink, fmt::format("boot {} of {} failed and is tried again: {}", boots, options_.max_boots,
                           outcome.reason));
  }
}

}  // namespace nodeproof::node
