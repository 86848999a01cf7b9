#include "conformance/io/cost_model.h"

#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

constexpr int64_t kAmpleBps = GiB(1).value;  // so that operations are what costs
// With its percentiles at 0 the latency target decides nothing but the period in which the kernel
// looks at who uses what: twice as long (ioc_refresh_period_us()), so 50 ms, many operations.
constexpr int64_t kLatencyUsec = 25'000;

}  // namespace

Result<std::unique_ptr<CostModel>> CostModel::TurnOn(const ArmContext& context,
                                                     const io::Disk& disk, int iops) {
  const std::string capsule = context.environment().capsule->group().path();
  cgroup::Cgroup root = TRY(cgroup::Cgroup::Open(ParentPath(capsule)));
  for (const char* file : {"io.cost.qos", "io.cost.model"}) {
    if (!root.Has(file)) {
      return Unsupported("there is no {}/{} (CONFIG_BLK_CGROUP_IOCOST, root cgroup)", root.path(),
                         file);
    }
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
  // Nothing can be done about a failure here; the next claim that needs the model sets it anew.
  (void)root_.Write("io.cost.qos", fmt::format("{} enable=0 ctrl=auto", disk_));
  (void)root_.Write("io.cost.model", fmt::format("{} ctrl=auto", disk_));
}

}  // namespace nodeproof::conformance
