// The agent as /init of a VM: what a kernel needs before claims can run, and the way out.
#pragma once

#include <filesystem>
#include <optional>

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/node/protocol.h"

namespace nodeproof::agent {

// Mounts /proc, /sys, /dev, /tmp and the unified hierarchy (with memory_recursiveprot, systemd's
// default), and opens the event channel raw. The first thing to do: without it nothing can be told.
Result<Fd> SetUpGuest();

// Loads the modules of node::kGuestModulesPath in their order. A module that the kernel refuses is
// an Error that names it.
Status LoadModules();

// Mounts the scratch disk, found by its serial number, and returns the mount point. Waits for the
// disk to be probed until a deadline. Errors say which driver the kernel lacks.
Result<std::filesystem::path> MountScratch();

// Writes back what is dirty and powers the machine off. Does not return.
[[noreturn]] void PowerOff();

}  // namespace nodeproof::agent
