#include "harness/numa/chaser.h"

#include <numa.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "harness/numa/chase.h"
#include "harness/numa/placed_memory.h"

namespace nodeproof::numa {
namespace {

constexpr int kExitRefused = 115;

Nanoseconds OwnCpuTime() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + Nanoseconds(used.tv_nsec);
}

// Memory of `node` with a chase in it; nullopt and the errno in `refused` when it is not to be had.
std::optional<Chase> MakeChase(const ChaserOptions& options, int node, Chaser::Lane& lane,
                               std::atomic<int>& refused) {
  const auto size = static_cast<size_t>(options.working_set.value);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    refused = errno;
    return std::nullopt;
  }
  // Small pages on all nodes: a node with none left in one piece would else look slower.
  ::madvise(memory, size, MADV_NOHUGEPAGE);
  if (const int bound = AskForPolicy(memory, size, Policy::kBind, {node}); bound != 0) {
    refused = bound;
    return std::nullopt;
  }
  lane.base = reinterpret_cast<uint64_t>(memory);
  const auto chase =
      Chase::Link(static_cast<std::byte*>(memory), options.working_set, options.seed);
  if (!chase) {
    refused = EINVAL;
    return std::nullopt;
  }
  return *chase;
}

int ChaseByTurns(const ChaserOptions& options, Chaser::Counters& counters,
                 const cgroup::ReadySignal& ready) {
  std::vector<Chase> chases;
  for (size_t i = 0; i < options.nodes.size(); ++i) {
    auto chase = MakeChase(options, options.nodes[i], counters.lanes[i], counters.refused);
    if (!chase) return kExitRefused;
    chases.push_back(*chase);
  }
  for (Chase& chase : chases) chase.Walk(Chaser::kLinksAtOnce);  // its page tables are cached then
  ready.Notify();
  for (;;) {
    for (size_t i = 0; i < chases.size(); ++i) {
      const Nanoseconds before = OwnCpuTime();
      chases[i].Walk(Chaser::kLinksAtOnce);
      counters.lanes[i].took_ns += (OwnCpuTime() - before).count();
      counters.lanes[i].links += Chaser::kLinksAtOnce;
    }
  }
}

}  // namespace

Result<Chaser> Chaser::Start(const ChaserOptions& options) {
  if (options.nodes.empty() || options.nodes.size() > kMost) {
    return Fail("{} chases through {} nodes, it can 1 to {}", options.name, options.nodes.size(),
                kMost);
  }
  if (::numa_available() < 0) {
    return std::unexpected(Error{"the kernel has no NUMA policies (CONFIG_NUMA)", "", 0, true});
  }
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return ChaseByTurns(options, counters, ready);
      }));
  return Chaser(options.working_set, std::move(worker));
}

Status Chaser::AwaitReady(Seconds timeout) {
  const auto ready = worker_.AwaitReady(timeout);
  if (const int refused = worker_.counters().refused; !ready && refused != 0) {
    return FailErrno(refused,
                     fmt::format("{}: map memory that is bound to a NUMA node", worker_.name()));
  }
  return ready;
}

Result<ByNode> Chaser::Pages(size_t index) {
  return AskPages(worker_.process().pid(), worker_.counters().lanes[index].base,
                  working_set_.value / ::sysconf(_SC_PAGESIZE));
}

}  // namespace nodeproof::numa
