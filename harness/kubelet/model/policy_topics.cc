#include "harness/kubelet/model/model.h"

namespace nodeproof::kubelet {

void RegisterPolicyTopics(TopicTable&) {}

}  // namespace nodeproof::kubelet
