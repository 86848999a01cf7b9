#include "bench/mechanics/chase.h"

#include "bench/core/bench.h"

namespace nodeproof::bench {

Result<Chase> Chase::Make(Bytes working_set, Pages pages, uint64_t seed, std::optional<int> node) {
  const int64_t page = SizeOf(pages).value;
  const Bytes rounded{(working_set.value + page - 1) / page * page};
  Region region = TRY(Region::Map(rounded, pages, node));
  region.Touch(SizeOf(pages));
  // Where memory is fragmented the kernel gives small pages without a word.
  if (pages == Pages::kThp && TRY(HugeBytesNow()) < region.size()) {
    return Unsupported("the kernel gave no huge pages for MADV_HUGEPAGE");
  }
  const numa::Chase chase = TRY(numa::Chase::Link(region.data(), working_set, seed));
  return Chase(std::move(region), chase);
}

}  // namespace nodeproof::bench
