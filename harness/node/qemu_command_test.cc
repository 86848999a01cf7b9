#include "harness/node/qemu_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::node {
namespace {

using testing::HasSubstr;
using testing::Not;

QemuCommand Command(const char* shape = "default") {
  QemuCommand command;
  command.qemu = "/usr/bin/qemu";
  command.kernel = "/boot/vmlinuz";
  command.shape = FindShape(shape).value();
  command.initramfs = 10;
  command.console = 11;
  command.events = 12;
  command.qmp = 13;
  return command;
}

std::string Line(const QemuCommand& command) {
  return fmt::format("{}", fmt::join(QemuArgv(command), " "));
}

TEST(QemuArgv, RealtimeLane) {
  EXPECT_EQ(Line(Command()),
            "/usr/bin/qemu -accel tcg,thread=multi -machine q35 -cpu max -smp "
            "2,sockets=1,cores=2,threads=1 -m 2048M -kernel /boot/vmlinuz -initrd /proc/self/fd/10 "
            "-append console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable cryptomgr.notests "
            "-no-user-config -nodefaults -display none -no-reboot "
            "-chardev file,id=console,path=/proc/self/fd/11 -serial chardev:console "
            "-chardev file,id=events,path=/proc/self/fd/12 -serial chardev:events "
            "-chardev socket,id=qmp,fd=13 -mon chardev=qmp,mode=control");
}

TEST(QemuArgv, DeterministicLaneSeesNoHost) {
  QemuCommand command = Command();
  command.lane = Lane::kDeterministic;
  command.seed = 7;
  command.still_clock = 14;
  EXPECT_THAT(Line(command), testing::StartsWith("/usr/bin/env LD_PRELOAD=/proc/self/fd/14 "
                                                 "/usr/bin/qemu -accel tcg,thread=single "));
  EXPECT_THAT(Line(command), HasSubstr("-icount shift=3,sleep=off -rtc "
                                       "base=2026-01-01T00:00:00,clock=vm -seed 7 "));
  command.shape = Resize(command.shape, 1, std::nullopt).value();
  EXPECT_THAT(Line(command), HasSubstr("-icount shift=3,sleep=off,rr=record,rrfile=/dev/null "));
  EXPECT_THAT(KernelCommandLine(command), HasSubstr("random.trust_cpu=on"));
}

TEST(QemuArgv, AnUnpackedKernelIsStartedDirectly) {
  QemuCommand command = Command();
  command.unpacked_kernel = 9;
  EXPECT_THAT(Line(command), HasSubstr("-kernel /proc/self/fd/9 -initrd /proc/self/fd/10 "));
}

TEST(QemuArgv, KvmTakesTheHostsCpu) {
  QemuCommand command = Command();
  command.accelerator = Accelerator::kKvm;
  EXPECT_THAT(Line(command), HasSubstr("-accel kvm -machine q35 -cpu host "));
  command.shape.cpu_model = "Icelake-Server-noTSX";
  EXPECT_THAT(Line(command), HasSubstr("-cpu Icelake-Server-noTSX "));
}

TEST(QemuArgv, NumaWithHmat) {
  const std::string line = Line(Command("hmat-far"));
  for (const char* part :
       {"-machine q35,hmat=on ", "-object memory-backend-ram,id=m2,size=536870912 ",
        "-numa node,nodeid=0,memdev=m0,cpus=0-1,initiator=0 ",
        "-numa node,nodeid=2,memdev=m2,initiator=0 ", "-numa dist,src=0,dst=2,val=30 ",
        "-numa hmat-lb,initiator=1,target=2,hierarchy=memory,data-type=access-latency,latency=350 ",
        "data-type=access-bandwidth,bandwidth=15G "}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
  EXPECT_THAT(Line(Command("two-numa")), Not(HasSubstr("hmat")));
}

TEST(QemuArgv, ACxlDeviceBehindABridgeWithTwoPorts) {
  QemuCommand command = Command("cxl");
  const std::string line = Line(command);
  for (const char* part :
       {"-machine q35,cxl=on,cxl-fmw.0.targets.0=cxl-bridge,cxl-fmw.0.size=512M ",
        "-cpu max,-hypervisor ", "-m 1024M ", "-numa node,nodeid=0,memdev=m0,cpus=0-1 ",
        "-object memory-backend-ram,id=cxl-memory,share=on,size=536870912 ",
        "-device cxl-rp,id=cxl-port1,bus=cxl-bridge,port=1,",
        "-device cxl-type3,id=cxl-device,bus=cxl-port0,memdev=cxl-memory,lsa=cxl-labels "}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
  EXPECT_THAT(KernelCommandLine(command),
              testing::EndsWith(" pcie_ports=compat memhp_default_state=online_movable"));
  EXPECT_THAT(Line(Command("hmat-far")), Not(HasSubstr("cxl")));
}

TEST(QemuArgv, DiesStandBetweenSocketsAndCores) {
  EXPECT_THAT(Line(Command("two-llc")), HasSubstr("-smp 4,sockets=1,dies=2,cores=2,threads=1 "));
  EXPECT_THAT(Line(Command("smt-four")), HasSubstr("-smp 4,sockets=1,cores=2,threads=2 "));
}

TEST(QemuArgv, AScratchDiskHasItsSerialNumber) {
  QemuCommand command = Command();
  EXPECT_THAT(Line(command), Not(HasSubstr("nvme")));
  command.scratch = 14;
  EXPECT_THAT(Line(command), HasSubstr("-drive file=/proc/self/fd/14,if=none,id=scratch"));
  EXPECT_THAT(Line(command), HasSubstr("-device nvme,drive=scratch,serial=scratch,bus=pcie.0"));
}

TEST(FindProgram, NamesThePackage) {
  EXPECT_EQ(FindProgram("sh", "dash").value().substr(0, 1), "/");
  EXPECT_EQ(FindProgram("no-such-program", "some-package").error().ToString(),
            "no-such-program is not installed; apt-get install some-package");
  EXPECT_EQ(FindProgram("/nonexistent/sh", "dash").error().ToString(),
            "execute /nonexistent/sh: No such file or directory; apt-get install dash");
}

}  // namespace
}  // namespace nodeproof::node
