#include "bench/mechanics/chase.h"

namespace nodeproof::bench {

Result<Chase> Chase::Make(Bytes working_set, Pages pages, uint64_t seed, std::optional<int> node) {
  const int64_t page = SizeOf(pages).value;
  const Bytes rounded{(working_set.value + page - 1) / page * page};
  Region region = TRY(Region::Map(rounded, pages, node));
  region.Touch(SizeOf(pages));
  const numa::Chase chase = TRY(numa::Chase::Link(region.data(), working_set, seed));
  return Chase(std::move(region), chase);
}

}  // namespace nodeproof::bench
