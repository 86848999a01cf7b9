#include "bench/core/bench.h"

#include <algorithm>
#include <cstdlib>

#include "harness/base/file.h"

namespace nodeproof::bench {
namespace {

bool IsId(std::string_view id) {
  const auto words = Split(id, '.');
  return words.size() >= 2 && std::ranges::all_of(words, [](std::string_view word) {
           return !word.empty() && std::ranges::all_of(word, [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
         });
}

}  // namespace

std::string_view ToString(Better better) { return better == Better::kLower ? "lower" : "higher"; }

Json Describe(const Bench& bench) {
  Json needs = {
      {"controllers", bench.needs.controllers},
      {"cgroups", bench.needs.cgroups || bench.place.depth > 0 || !bench.needs.controllers.empty()},
      {"cpus", bench.needs.cpus},
      {"numa_nodes", bench.needs.numa_nodes},
      {"memory_bytes", bench.needs.memory.value},
      {"scratch", bench.needs.scratch}};
  if (bench.needs.own_node) needs["why_whole_node"] = bench.needs.why_own_node;
  return {{"id", bench.id},
          {"statement", bench.what},
          {"source", "bench/" + bench.id.substr(0, bench.id.find('.'))},
          {"needs", std::move(needs)},
          {"budget_s", bench.budget.count()}};
}

void Registry::Add(Bench bench) {
  if (!IsId(bench.id) || Find(bench.id) != nullptr || (!bench.run && !bench.measure)) {
    fmt::print(stderr, "benchmark id '{}' is taken, malformed or measures nothing\n", bench.id);
    std::abort();
  }
  benches_.push_back(std::move(bench));
}

const Bench* Registry::Find(std::string_view id) const {
  const auto at = std::ranges::find(benches_, id, &Bench::id);
  return at == benches_.end() ? nullptr : &*at;
}

}  // namespace nodeproof::bench
