// memory.swap.max: what LimitedSwap gives a container, and that it gets no more.
#include <algorithm>
#include <memory>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/probe/swap_file.h"

namespace nodeproof::conformance {
namespace {

// A node of 2Gi with 512Mi of swap: a request of 64Mi gets 64/2048 of it, 16Mi.
constexpr Bytes kLimit = MiB(96);
constexpr Bytes kSwap = MiB(16);
constexpr Bytes kTarget = MiB(128);

// kubepods ── burstable ── pod ── main   memory.max 96M, memory.swap.max 16M   a hog that wants
// 128M
Result<results::Arm> MeasureSwap(ArmContext& context) {
  const bool is_protected = context.Protected();
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(2).value);
  node.swap_bytes = MiB(512).value;
  kubelet::KubeletConfiguration config;
  config.fail_swap_on = false;
  config.single_process_oom_kill = true;  // one kill, one process
  config.swap_behavior =
      is_protected ? kubelet::SwapBehavior::kLimitedSwap : kubelet::SwapBehavior::kNoSwap;
  const kubelet::Pod pod = MakePod("pod", {{.memory_request = "64Mi", .memory_limit = "96Mi"}});
  const auto swap = TRY(probe::SwapFile::Make(*context.environment().scratch, MiB(32)));
  const capsule::Tree tree = TRY(context.Plant(node, config, {pod}));
  // The capsule has none of its own; the next tree takes it away again.
  TRY(context.environment().capsule->group().Write("memory.swap.max", "max"));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const Bytes written{TRY(cgroup::ReadNumber(group, "memory.swap.max"))};
  stress::AnonHog hog =
      TRY(stress::AnonHog::Start({.group = &group, .target = kTarget, .oom_score_adj = 1000}));
  Bytes most{0};
  TRY(Await(context, "the hog's end", [&]() -> Result<bool> {
    most = std::max(most, Bytes{TRY(cgroup::ReadNumber(group, "memory.swap.current"))});
    return hog.Touched() >= kTarget || TRY(Counter(group, "memory.events", "oom_kill")) > 0;
  }));
  const Bytes touched = hog.Touched();
  hog.process().Kill();

  results::Arm arm = DescribedArm(tree, is_protected ? "LimitedSwap" : "NoSwap");
  const Bytes share = KernelShare(context, kLimit);
  arm.checks = {
      BytesAtLeast("memory touched", kLimit + kSwap, touched, share),
      BytesAtMost("the same, at most", kLimit + kSwap, touched),
      BytesAtLeast("memory.swap.max as the kernel holds it", kSwap, written),
      BytesAtMost("the same, at most", kSwap, written),
      BytesAtMost("memory.swap.current, most of all looks", kSwap, most, ChargeBatches(context)),
      CountIs("oom_kill in memory.events", 1, TRY(Counter(group, "memory.events", "oom_kill")))};
  arm.load = {BytesDone("anon hog", kLimit - share, touched)};
  return arm;
}

}  // namespace

Claim MemorySwapLimited() {
  return {
      .id = "memory.swap.limited",
      .statement =
          "LimitedSwap gives a Burstable container swap in proportion to its request, and "
          "it gets no more.",
      .source =
          "pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, v1.36 (getSwapLimit); "
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.swap.max\"",
      .needs = {.controllers = kMemoryControllers,
                .memory = MiB(256),
                .scratch = true,
                .realtime = true,
                .why_realtime = "its swap file needs a disk",
                .whole_node = true,
                .why_whole_node = "it turns swap on"},
      .explanation =
          {.tree = "burstable ── pod ── main   memory.max 96M, memory.swap.max 16M",
           .load =
               "The plan is for a node of 2Gi with 512Mi of swap; a swap file of 32M is on. A hog "
               "wants 128M.",
           .expected = "memory.swap.max is 64Mi / 2Gi x 512Mi = 16Mi. The hog touches 112M and is "
                       "OOM-killed; memory.swap.current is never above 16M.",
           .tolerance = "Less by the kernel's share (page tables, batches, 1 MiB for the process). "
                        "Swap in use: one batch of 64 pages a CPU.",
           .control = "NoSwap: memory.swap.max 0, the hog is killed at 96M."},
      .measure = MeasureSwap};
}

}  // namespace nodeproof::conformance
