// The kernel's I/O cost controller (iocost) on one disk, while an object lives.
#pragma once

#include <memory>
#include <string>

#include "harness/cgroup/cgroup.h"
#include "harness/io/disk.h"

namespace nodeproof::io {

class CostModel {
 public:
  // Turns iocost on with a linear model of a disk that does `iops` operations a second of any kind
  // and with its rate fixed at 100 % of that. io.weight then divides these. The files stand in the
  // root cgroup only, which is the one above `capsule`. `unsupported` names the file that is
  // missing (CONFIG_BLK_CGROUP_IOCOST).
  static Result<std::unique_ptr<CostModel>> TurnOn(const cgroup::Cgroup& capsule, const Disk& disk,
                                                   int iops);
  ~CostModel();  // off, and the kernel's own model again
  CostModel(const CostModel&) = delete;
  CostModel& operator=(const CostModel&) = delete;

 private:
  CostModel(cgroup::Cgroup root, std::string disk)
      : root_(std::move(root)), disk_(std::move(disk)) {}
  cgroup::Cgroup root_;
  std::string disk_;
};

}  // namespace nodeproof::io
