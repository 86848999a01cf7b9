// A pointer chase through memory of its own.
#pragma once

#include <cstdint>

#include "bench/mechanics/region.h"
#include "harness/numa/chase.h"

namespace nodeproof::bench {

class Chase {
 public:
  // One random cycle over all cache lines of `working_set`; the same for the same seed.
  // `unsupported` where the kernel gives no pages of that kind.
  static Result<Chase> Make(Bytes working_set, Pages pages, uint64_t seed,
                            std::optional<int> node = std::nullopt);

  // Follows `links` links from where the last walk ended.
  void Walk(int64_t links) { chase_.Walk(links); }
  int64_t lines() const { return chase_.lines(); }
  const void* at() const { return chase_.at(); }

 private:
  Chase(Region region, numa::Chase chase) : region_(std::move(region)), chase_(chase) {}
  Region region_;
  numa::Chase chase_;
};

}  // namespace nodeproof::bench
