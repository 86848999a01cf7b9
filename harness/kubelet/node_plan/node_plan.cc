#include "harness/kubelet/node_plan/node_plan.h"

#include "harness/kubelet/allocatable/node_allocatable.h"
#include "harness/kubelet/plan/admit_fit.h"

namespace nodeproof::kubelet {

Result<Plan> PlanNode(const NodeSpec& node, const KubeletConfiguration& config,
                      const std::vector<Pod>& pods, const PlanOptions& options,
                      cpu_manager::Quirks quirks) {
  admit::NodeAllocator allocator = TRY(admit::NodeAllocator::Create(node, config, quirks));
  const NodeReservations reservations = TRY(ReservationsOf(node, config));
  FitAdmission fit(Allocatable(reservations), config.max_pods, config.feature_gates);

  PlanOptions plan = options;
  plan.admissions.clear();
  std::vector<const Pod*> admitted;
  for (const Pod& pod : pods) {
    if (IsTerminated(pod)) continue;
    PodAdmission admission = allocator.Admit(pod);
    if (!admission.admitted) {
      plan.admissions.insert_or_assign(pod.uid, std::move(admission));
    } else if (!fit.Admit(pod)) {
      admitted.push_back(&pod);
    } else if (IsCritical(pod)) {
      fit.Count(pod);
      admitted.push_back(&pod);
    } else {
      allocator.Release(pod.uid);  // MakePlan refuses it for the same reason
    }
  }
  // Asked for last, because the shared pool shrinks with every pod that takes CPUs out of it.
  for (const Pod* pod : admitted) {
    plan.admissions.insert_or_assign(pod->uid, allocator.AssignmentsOf(*pod));
  }
  return MakePlan(node, config, pods, plan);
}

}  // namespace nodeproof::kubelet
