// Whom the kubelet evicts first when the disk or its inodes run out.
#include <algorithm>

#include "conformance/eviction/eviction_agent.h"
#include "conformance/eviction/eviction_claims.h"
#include "conformance/eviction/inversions.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr int kPods = 6;

// A pod of a random set: what it asks for, how important it is, what it is to use. Usage is in
// bytes or in inodes.
struct Sample {
  std::string name;
  int64_t request = 0;  // ephemeral-storage, in bytes
  int32_t priority = 0;
  int64_t use = 0;
  bool inodes = false;

  // A pod cannot ask for inodes: any that it uses are too many.
  bool Exceeds() const { return inodes ? use > 0 : use > request; }
  // By pkg/kubelet/eviction/helpers.go (rankDiskPressureFunc), written down once more and on
  // purpose not the policy model's code. Of inodes too it subtracts the bytes that were asked for.
  bool Before(const Sample& other) const {
    if (Exceeds() != other.Exceeds()) return Exceeds();
    if (priority != other.priority) return priority < other.priority;
    return use - request > other.use - other.request;
  }
};

// Uses and overages of any two differ by 128 KiB and more, far beyond what a file system adds to a
// file for its own needs (a block or two).
std::vector<Sample> RandomBytes(std::mt19937_64& random) {
  std::vector<int64_t> overages = {-512, -256, 128, 256, 384, 512};
  std::ranges::shuffle(overages, random);
  std::vector<Sample> samples;
  for (int i = 0; i < kPods; ++i) {
    const int64_t use = 1536 + 512 * i;
    samples.push_back({fmt::format("pod{}", i), (use - overages[static_cast<size_t>(i)]) << 10,
                       std::uniform_int_distribution<int32_t>(0, 1)(random) * 1000, use << 10});
  }
  return samples;
}

// Four pods that ask for nothing and two that ask for some bytes.
std::vector<Sample> RandomInodes(std::mt19937_64& random) {
  std::vector<int64_t> uses = {5, 10, 15, 20, 25, 30};
  std::ranges::shuffle(uses, random);
  std::vector<Sample> samples;
  for (int i = 0; i < kPods; ++i) {
    samples.push_back({fmt::format("pod{}", i), std::max(i - 3, 0) * MiB(1).value,
                       std::uniform_int_distribution<int32_t>(0, 1)(random) * 1000,
                       uses[static_cast<size_t>(i)], true});
  }
  return samples;
}

// What makes the order another in the control arm: as far below the request as it is to be above
// it; few inodes for many.
int64_t MirroredUse(const Sample& sample) {
  return sample.inodes ? 35 - sample.use : 2 * sample.request - sample.use;
}

kubelet::Pod PodFor(const Sample& sample) {
  kubelet::Pod pod = MakePod(sample.name, {{}});
  pod.priority = sample.priority;
  if (sample.request > 0) {
    pod.containers.front().requests().emplace(
        std::string(kubelet::kEphemeralStorage),
        kubelet::Quantity::Parse(fmt::format("{}", sample.request)).value());
  }
  kubelet::Volume& volume = pod.volumes.emplace_back();
  volume.name = kPodVolume;
  volume.kind = kubelet::VolumeKind::kEmptyDir;
  return pod;
}

// A threshold that is met whatever the pods hold: every pod is evicted, one a pass.
Result<kubelet::KubeletConfiguration> AlwaysShort(const PodFiles& files, bool inodes) {
  const auto disk = TRY(files.ReadDisk());
  kubelet::KubeletConfiguration config;
  config.eviction_hard = {
      inodes ? std::pair("nodefs.inodesFree", fmt::format("{}", *disk.inodes + 1))
             : std::pair("nodefs.available", fmt::format("{}", *disk.capacity_bytes + 1))};
  return config;
}

// node ── kubepods ── pod0 … pod5   each with an emptyDir on nodefs
Result<results::Arm> MeasureOrder(ArmContext& context, const std::vector<Sample>& samples) {
  const bool is_protected = context.Protected();
  const bool inodes = samples.front().inodes;
  std::vector<kubelet::Pod> pods;
  for (const Sample& sample : samples) pods.push_back(PodFor(sample));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods));
  results::Arm arm = DescribedArm(
      tree, is_protected ? "each pod uses what it is to" : "each uses the less the more it is to");
  PodFiles files(*context.environment().scratch);
  std::vector<stress::FileFlood> writers;
  for (const Sample& sample : samples) {
    const int64_t use = is_protected ? sample.use : MirroredUse(sample);
    if (inodes) {
      TRY(files.Make(sample.name, use));
    } else {
      writers.push_back(TRY(files.Write(context, sample.name,
                                        *TRY(tree.Container(sample.name, "main")), Bytes{use})));
    }
    const auto used = TRY(files.UsageOf(sample.name));
    arm.load.push_back({sample.name, inodes ? "inodes" : "bytes", static_cast<double>(use),
                        static_cast<double>(inodes ? *used.inodes : *used.bytes)});
    arm.notes.push_back(fmt::format("{}: request {} bytes, priority {}, to use {}", sample.name,
                                    sample.request, sample.priority, sample.use));
  }
  const auto config = TRY(AlwaysShort(files, inodes));
  EvictionAgent agent =
      TRY(EvictionAgent::Create(context, tree, config, pods, {.memory = GiB(8), .files = &files}));
  size_t most_a_pass = 0;
  for (int pass = 0; pass < 2 * kPods && agent.evicted().size() < samples.size(); ++pass) {
    most_a_pass = std::max(most_a_pass, TRY(agent.Pass()).evictions.size());
  }
  arm.checks = {
      CountIs("pairs evicted in the wrong order", 0, Inversions(samples, agent.evicted())),
      CountIs("pods evicted", kPods, static_cast<int64_t>(agent.evicted().size())),
      CountIs("pods evicted in one pass", 1, static_cast<int64_t>(most_a_pass))};
  arm.notes.push_back(fmt::format("evicted: {}", fmt::join(agent.evicted(), ", ")));
  return arm;
}

Needs DiskNeeds() {
  return {.controllers = kMemoryControllers,
          .memory = MiB(256),
          .scratch = true,
          .realtime = true,
          .why_realtime = "its pods' files need a disk"};
}

}  // namespace

Claim EvictionOrderDisk() {
  return {
      .id = "eviction.order.disk",
      .statement =
          "When the disk runs out pods above their request are evicted first, then those of lower "
          "priority, then by how far above; one a pass.",
      .source = "pkg/kubelet/eviction/helpers.go, rankDiskPressureFunc(), Kubernetes 1.36.2",
      .needs = DiskNeeds(),
      .explanation =
          {.tree = "node ── kubepods ── pod0 … pod5   each with an emptyDir on nodefs",
           .load =
               "Each pod's process writes 1.5 to 4M to a file on the scratch disk, down to the "
               "disk; 512K below to 512K above its request of ephemeral-storage; priority 0 or "
               "1000, random by the run's seed. The policy model's loop runs on the live file "
               "system (statvfs, allocated blocks of the files) and kills whom it evicts, whose "
               "files go; its threshold is met until nobody is left.",
           .expected = "No pair in the wrong order, one pod a pass.",
           .tolerance = "None: uses and overages of any two differ by 128K and more, what a file "
                        "system adds to a file is a block or two.",
           .control = "Each pod is as far below its request as it is to be above: those that were "
                      "to go first go last."},
      .measure = [](ArmContext& context) {
        return MeasureOrder(context, RandomBytes(context.random()));
      }};
}

Claim EvictionOrderInodes() {
  return {
      .id = "eviction.order.inodes",
      .statement =
          "When inodes run out pods of lower priority are evicted first, then by inodes less the "
          "bytes of ephemeral-storage that they asked for; one a pass.",
      .source = "pkg/kubelet/eviction/helpers.go, rankDiskPressureFunc(), Kubernetes 1.36.2",
      .needs = DiskNeeds(),
      .explanation =
          {.tree = "node ── kubepods ── pod0 … pod5   each with an emptyDir on nodefs",
           .load = "5 to 30 files a pod, priority 0 or 1000, random by the run's seed; two of the "
                   "six ask for 1M and 2M of ephemeral-storage.",
           .expected =
               "No pair in the wrong order, one pod a pass. A pod cannot ask for inodes, so all "
               "are above their request; and the request for bytes that the kubelet subtracts "
               "from a number of inodes keeps who asks for storage until the end.",
           .tolerance = "None: whole numbers.",
           .control = "The pod that is to have 30 files has 5, and so on."},
      .measure = [](ArmContext& context) {
        return MeasureOrder(context, RandomInodes(context.random()));
      }};
}

}  // namespace nodeproof::conformance
