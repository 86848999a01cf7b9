#include "bench/core/nest.h"

namespace nodeproof::bench {

using cgroup::Cgroup;

Status WriteKnobs(const Cgroup& group, const std::vector<Knob>& knobs) {
  for (const Knob& knob : knobs) {
    if (!group.Has(knob.file)) {
      return Unsupported("the kernel has no {} (cgroup {})", knob.file, group.path());
    }
    TRY(group.Write(knob.file, knob.value));
  }
  return {};
}

Result<Nest> Nest::Make(const Cgroup& parent, const std::string& name, int depth,
                        const std::vector<std::string>& controllers,
                        const std::vector<Knob>& knobs) {
  Nest nest;  // its destructor removes a half-made one
  nest.groups_->reserve(static_cast<size_t>(depth));
  const Cgroup* above = &parent;
  for (int level = 1; level <= depth; ++level) {
    if (!controllers.empty()) TRY(above->EnableControllers(controllers));
    nest.groups_->push_back(
        TRY(above->CreateChild(level == 1 ? name : fmt::format("level-{}", level))));
    above = &nest.groups_->back();
  }
  TRY(WriteKnobs(nest.leaf(), knobs));
  return nest;
}

Nest::~Nest() {
  if (groups_ && !groups_->empty()) (void)groups_->front().Destroy();
}

}  // namespace nodeproof::bench
