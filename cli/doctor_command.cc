// `nodeproof doctor`: what this machine can prove, and what is missing for the rest.
#include <memory>

#include "cli/catalog.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/paths.h"
#include "harness/node/host_node.h"
#include "harness/node/kernel_image.h"
#include "harness/node/kvm_probe.h"
#include "harness/node/qemu_command.h"

namespace nodeproof::cli {
namespace {

struct Finding {
  std::string name;
  bool ok = false;
  std::string detail;  // what was found, or what is missing and the remedy
};

Finding Found(std::string name, std::string detail) { return {std::move(name), true, detail}; }
Finding Missing(std::string name, const Error& error) {
  return {std::move(name), false, error.ToString()};
}

Finding LookAtAgent() {
  const auto catalog = Catalog::Load();
  if (!catalog) return Missing("agent", catalog.error());
  return Found("agent", fmt::format("{} claims", catalog->entries().size()));
}

Finding LookAtHost() {
  const auto host = node::CheckHost();
  if (!host) return Missing("host", host.error());
  if (const Status on = node::CheckTurnedOn(*host); !on) return Missing("host", on.error());
  return Found("host", fmt::format("unified hierarchy at {}: claims can run on this machine "
                                   "(--node host)",
                                   host->cgroup));
}

Finding LookAtQemu() {
  const auto qemu = node::FindProgram("qemu-system-x86_64", "qemu-system-x86");
  if (!qemu) return Missing("qemu", qemu.error());
  return Found("qemu", *qemu);
}

Finding LookAtKvm() {
  const auto kvm = node::ProbeKvm();
  if (kvm) return Found("kvm", "runs a vCPU: VMs are fast");
  return {"kvm", false, kvm.error().message + "; VMs run under TCG, which is slower"};
}

Finding LookAtKernels() {
  const auto cache = node::CacheDirectory();
  if (!cache) return Missing("kernels", cache.error());
  const auto kernels = node::CachedKernels(*cache);
  if (kernels.empty()) {
    return {
        "kernels", false,
        fmt::format("none in {}; run scripts/fetch-kernels, or name one with --kernel", *cache)};
  }
  return Found("kernels", fmt::format("{}", fmt::join(kernels, ", ")));
}

Finding LookAtLane() {
  const auto library = StillClockPath();
  if (!library) return Missing("lane", library.error());
  return Found("lane", "runs of --lane deterministic repeat on one CPU: " + library->string());
}

Result<int> Doctor(bool json) {
  const std::vector<Finding> findings = {LookAtAgent(), LookAtHost(),    LookAtQemu(),
                                         LookAtKvm(),   LookAtKernels(), LookAtLane()};
  const auto ok = [&](std::string_view name) {
    for (const Finding& finding : findings) {
      if (finding.name == name) return finding.ok;
    }
    return false;
  };
  const bool host = ok("agent") && ok("host");
  const bool vm = ok("agent") && ok("qemu") && ok("kernels");
  if (json) {
    Json list = Json::array();
    for (const Finding& finding : findings) {
      list.push_back({{"name", finding.name}, {"ok", finding.ok}, {"detail", finding.detail}});
    }
    fmt::print("{}\n", TRY(DumpJson({{"findings", list}, {"host", host}, {"vm", vm}}, 2)));
  } else {
    for (const Finding& finding : findings) {
      fmt::print("{:<8} {:<8} {}\n", finding.ok ? "ok" : "missing", finding.name, finding.detail);
    }
    fmt::print("\nclaims can run: {}\n", host && vm ? "on this machine and in a VM"
                                         : host     ? "on this machine"
                                         : vm       ? "in a VM"
                                                    : "nowhere yet; see what is missing above");
  }
  return host || vm ? kExitOk : kExitCannotRun;
}

}  // namespace

Command AddDoctorCommand(CLI::App& app) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("doctor", "Say what this machine can prove, and what is missing.");
  command->add_flag("--json", *json, "Print JSON.");
  return [json] { return Doctor(*json); };
}

}  // namespace nodeproof::cli
