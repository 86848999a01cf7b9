#include "harness/node/qemu_command.h"

#include <unistd.h>

#include <cstdlib>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

using Argv = std::vector<std::string>;

void Add(Argv& argv, std::initializer_list<std::string> arguments) {
  argv.insert(argv.end(), arguments);
}

std::string DescriptorPath(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

void AddClock(const QemuCommand& command, Argv& argv) {
  if (command.accelerator == Accelerator::kKvm) {
    Add(argv, {"-accel", "kvm"});
    return;
  }
  if (command.lane == Lane::kRealtime) {
    Add(argv, {"-accel", "tcg,thread=multi"});
    return;
  }
  // One instruction is 2^3 ns of virtual time, idle time is skipped, no host clock or entropy is
  // seen: the same initramfs then gives the same bytes on the serial ports.
  std::string icount = "shift=3,sleep=off";
  // Recording makes QEMU's main loop wait while a virtual CPU executes. Else it may find a CPU
  // halted before its last instructions are counted, and skip too much of the clock. Nobody needs
  // the record, and QEMU cannot make one of several CPUs: see RepeatsExactly.
  if (RepeatsExactly(command.shape)) icount += ",rr=record,rrfile=/dev/null";
  Add(argv, {"-accel", "tcg,thread=single", "-icount", icount, "-rtc",
             "base=2026-01-01T00:00:00,clock=vm", "-seed", fmt::format("{}", command.seed)});
}

void AddNuma(const VmShape& shape, Argv& argv) {
  for (size_t i = 0; i < shape.nodes.size(); ++i) {
    const NumaNode& node = shape.nodes[i];
    Add(argv, {"-object", fmt::format("memory-backend-ram,id=m{},size={}", i, node.memory.value)});
    std::string option = fmt::format("node,nodeid={},memdev=m{}", i, i);
    if (!node.cpus.empty()) option += fmt::format(",cpus={}", node.cpus);
    if (!shape.hmat.empty()) {
      option += fmt::format(",initiator={}", node.initiator.value_or(static_cast<int>(i)));
    }
    Add(argv, {"-numa", option});
  }
  for (size_t i = 0; i < shape.distances.size(); ++i) {
    for (size_t j = i + 1; j < shape.distances.size(); ++j) {
      Add(argv, {"-numa", fmt::format("dist,src={},dst={},val={}", i, j, shape.distances[i][j])});
    }
  }
  for (const HmatPair& pair : shape.hmat) {
    const std::string ends =
        fmt::format("hmat-lb,initiator={},target={},hierarchy=memory", pair.initiator, pair.target);
    Add(argv,
        {"-numa", fmt::format("{},data-type=access-latency,latency={}", ends, pair.latency_ns)});
    Add(argv,
        {"-numa", fmt::format("{},data-type=access-bandwidth,bandwidth={}", ends, pair.bandwidth)});
  }
}

// A host bridge with one type 3 device whose memory is persistent, the only kind that QEMU before
// 8.1 has, and one window of host addresses for it. The second root port makes the kernel program
// the bridge's decoder; with one, 6.1 takes the bridge for a pass-through and reads zeros.
void AddCxl(const VmShape& shape, Argv& argv) {
  if (shape.cxl_memory.value == 0) return;
  Add(argv,
      {"-object",
       fmt::format("memory-backend-ram,id=cxl-memory,share=on,size={}", shape.cxl_memory.value),
       "-object", "memory-backend-ram,id=cxl-labels,share=on,size=1M", "-device",
       "pxb-cxl,id=cxl-bridge,bus=pcie.0,bus_nr=12", "-device",
       "cxl-rp,id=cxl-port0,bus=cxl-bridge,port=0,chassis=0,slot=2", "-device",
       "cxl-rp,id=cxl-port1,bus=cxl-bridge,port=1,chassis=0,slot=3", "-device",
       "cxl-type3,id=cxl-device,bus=cxl-port0,memdev=cxl-memory,lsa=cxl-labels"});
}

std::string Machine(const VmShape& shape) {
  std::string machine = shape.hmat.empty() ? "q35" : "q35,hmat=on";
  if (shape.cxl_memory.value > 0) {
    machine += fmt::format(",cxl=on,cxl-fmw.0.targets.0=cxl-bridge,cxl-fmw.0.size={}M",
                           shape.cxl_memory.value >> 20);
  }
  return machine;
}

std::string Cpu(const QemuCommand& command) {
  const VmShape& shape = command.shape;
  const bool host = command.accelerator == Accelerator::kKvm && shape.cpu_model == "max";
  std::string cpu = host ? "host" : shape.cpu_model;
  for (const std::string& flag : shape.cpu_flags) cpu += "," + flag;
  return cpu;
}

void AddSerial(const char* id, int fd, Argv& argv) {
  Add(argv, {"-chardev", fmt::format("file,id={},path={}", id, DescriptorPath(fd)), "-serial",
             fmt::format("chardev:{}", id)});
}

}  // namespace

bool RepeatsExactly(const VmShape& shape) { return shape.cpus() == 1; }

std::string_view ToString(Accelerator accelerator) {
  return accelerator == Accelerator::kKvm ? "kvm" : "tcg";
}

std::string KernelCommandLine(const QemuCommand& command) {
  // panic=-1: reboot at once, which -no-reboot turns into QEMU's exit.
  // no_timer_check: a busy host makes 6.1 panic with "MP-BIOS bug: 8254 timer".
  // tsc=reliable: several vCPUs' TSCs look unsynchronised under TCG, and the HPET is 20x slower.
  // cryptomgr.notests: its thread would take CPU time from the claims after boot.
  std::string line = "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable cryptomgr.notests";
  if (command.lane == Lane::kDeterministic) line += " random.trust_cpu=on";
  for (const std::string& argument : command.shape.kernel_args) line += " " + argument;
  return line;
}

std::vector<std::string> QemuArgv(const QemuCommand& command) {
  const VmShape& shape = command.shape;
  Argv argv;
  if (command.still_clock >= 0) {
    argv = {"/usr/bin/env", fmt::format("LD_PRELOAD={}", DescriptorPath(command.still_clock))};
  }
  argv.push_back(command.qemu);
  AddClock(command, argv);
  Add(argv, {"-machine", Machine(shape)});
  Add(argv, {"-cpu", Cpu(command)});
  const std::string dies = shape.dies > 1 ? fmt::format("dies={},", shape.dies) : "";
  Add(argv, {"-smp", fmt::format("{},sockets={},{}cores={},threads={}", shape.cpus(), shape.sockets,
                                 dies, shape.cores, shape.threads)});
  Add(argv, {"-m", fmt::format("{}M", shape.memory.value >> 20)});
  AddNuma(shape, argv);
  AddCxl(shape, argv);
  Add(argv,
      {"-kernel",
       command.unpacked_kernel >= 0 ? DescriptorPath(command.unpacked_kernel) : command.kernel,
       "-initrd", DescriptorPath(command.initramfs), "-append", KernelCommandLine(command)});
  Add(argv, {"-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"});
  AddSerial("console", command.console, argv);
  AddSerial("events", command.events, argv);
  if (command.scratch >= 0) {
    Add(argv, {"-drive",
               fmt::format("file={},if=none,id=scratch,format=raw,cache=unsafe,aio=threads,"
                           "file.locking=off",
                           DescriptorPath(command.scratch)),
               // QEMU would choose a CXL bus, where there is one.
               "-device", fmt::format("nvme,drive=scratch,serial={},bus=pcie.0", kScratchSerial)});
  }
  Add(argv, {"-chardev", fmt::format("socket,id=qmp,fd={}", command.qmp), "-mon",
             "chardev=qmp,mode=control"});
  return argv;
}

Result<std::string> FindProgram(const std::string& name, const std::string& package) {
  const std::string hint = fmt::format("apt-get install {}", package);
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), X_OK) == 0) return name;
    return std::unexpected(WithHint(FailErrno(errno, "execute " + name).error(), hint));
  }
  const char* path = std::getenv("PATH");
  const std::string directories = fmt::format("{}:/usr/sbin:/sbin", path != nullptr ? path : "");
  for (const std::string_view directory : Split(directories, ':')) {
    const std::string candidate = fmt::format("{}/{}", directory, name);
    if (directory.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::unexpected(Error{fmt::format("{} is not installed", name), hint, 0});
}

}  // namespace nodeproof::node
