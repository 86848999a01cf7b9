// Context switches between two processes of one CPU, in one group and across two, by depth.
#include "bench/core/context.h"
#include "bench/core/nest.h"
#include "bench/cpu/cpu_benches.h"
#include "bench/mechanics/echo.h"

namespace nodeproof::bench {
namespace {

constexpr int kDeepest = 6;

struct Partner {
  std::optional<Nest> groups;  // the partner's own
  EchoPartner echo;            // goes first
};

// `depth` of the partner's own groups; 0: it stands where the benchmark stands.
Result<Partner> StartPartner(const Context& context, int depth) {
  std::optional<Nest> groups;
  if (depth > 0) {
    groups.emplace(TRY(Nest::Make(*context.environment().capsule, "partner", depth, {"cpu"})));
  }
  EchoPartner echo =
      TRY(EchoPartner::Start(groups ? &groups->leaf() : nullptr, context.QuietCpu()));
  return Partner{std::move(groups), std::move(echo)};
}

Status MeasureSwitches(int partner_depth, Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Partner* partner =
      TRY(context.Keep<Partner>([&] { return StartPartner(context, partner_depth); }));
  for (auto _ : state) TRY(partner->echo.RoundTrip());
  return {};
}

Bench SwitchBench(std::string id, std::string what, Place place, int partner_depth) {
  return {.id = std::move(id),
          .what = std::move(what),
          .place = std::move(place),
          .unit = benchmark::kMicrosecond,
          .run = [partner_depth](Context& context, benchmark::State& state) {
            return MeasureSwitches(partner_depth, context, state);
          }};
}

}  // namespace

void AddSwitches(Registry& registry) {
  registry.Add(SwitchBench("cpu.switch.no-cgroup",
                           "Two switches and two pipe operations between processes of one CPU.", {},
                           0));
  for (int depth = 1; depth <= kDeepest; ++depth) {
    const Place place{depth, {"cpu"}, {}};
    registry.Add(SwitchBench(
        fmt::format("cpu.switch.inside.depth-{}", depth),
        fmt::format("Two switches between processes of one group, {} deep.", depth), place, 0));
    registry.Add(SwitchBench(
        fmt::format("cpu.switch.across.depth-{}", depth),
        fmt::format("Two switches between processes of two groups, each {} deep.", depth), place,
        depth));
  }
}

}  // namespace nodeproof::bench
