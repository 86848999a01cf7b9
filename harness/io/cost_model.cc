#include "harness/io/cost_model.h"

#include "harness/base/file.h"

namespace nodeproof::io {
namespace {

constexpr int64_t kAmpleBps = GiB(1).value;  // so that operations are what costs
// With its percentiles at 0 the latency target decides nothing but the period in which the kernel
// looks at who uses what: twice as long (ioc_refresh_period_us()), so 50 ms, many operations.
constexpr int64_t kLatencyUsec = 25'000;

// An Error marked `unsupported` that says what is missing.
std::unexpected<Error> Missing(const std::string& root, const char* file) {
  return std::unexpected(
      Error{fmt::format("there is no {}/{} (CONFIG_BLK_CGROUP_IOCOST, root cgroup)", root, file),
            "", 0, true});
}

}  // namespace

Result<std::unique_ptr<CostModel>> CostModel::TurnOn(const cgroup::Cgroup& capsule,
                                                     const Disk& disk, int iops) {
  cgroup::Cgroup root = TRY(cgroup::Cgroup::Open(ParentPath(capsule.path())));
  for (const char* file : {"io.cost.qos", "io.cost.model"}) {
    if (!root.Has(file)) return Missing(root.path(), file);
  }
  TRY(root.Write("io.cost.model",
                 fmt::format("{0} ctrl=user model=linear rbps={1} rseqiops={2} rrandiops={2} "
                             "wbps={1} wseqiops={2} wrandiops={2}",
                             disk.number, kAmpleBps, iops)));
  std::unique_ptr<CostModel> model(new CostModel(std::move(root), disk.number));
  TRY(model->root_.Write(
      "io.cost.qos",
      fmt::format("{0} enable=1 ctrl=user rpct=0 rlat={1} wpct=0 wlat={1} min=100 max=100",
                  disk.number, kLatencyUsec)));
  return model;
}

CostModel::~CostModel() {
  // Nothing can be done about a failure here; whoever needs the model next sets it anew.
  (void)root_.Write("io.cost.qos", fmt::format("{} enable=0 ctrl=auto", disk_));
  (void)root_.Write("io.cost.model", fmt::format("{} ctrl=auto", disk_));
}

}  // namespace nodeproof::io
