#include "harness/stress/thread_growth.h"

#include <pthread.h>
#include <unistd.h>

#include "harness/base/mapping.h"

namespace nodeproof::stress {
namespace {

constexpr int kExitNoMemory = 120;
constexpr int kExitNoThread = 114;

// Writes one byte a page, from the end down: the way a stack grows.
void TouchDown(char* memory, int64_t size, std::atomic<int64_t>& counter) {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  for (int64_t at = size - page; at >= 0; at -= page) {
    memory[at] = 1;
    counter += page;
  }
}

struct Stack {
  char* memory;
  int64_t size;
  std::atomic<int64_t>* counter;
};

// What lies below this frame is touched down to the end of the stack that it was given, but for
// what its own calls need.
void* UseStack(void* argument) {
  const auto* stack = static_cast<const Stack*>(argument);
  constexpr int64_t kOwn = 32 << 10;
  TouchDown(stack->memory, stack->size - kOwn, *stack->counter);
  delete stack;
  for (;;) ::pause();
}

bool StartThread(Bytes size, std::atomic<int64_t>& counter) {
  char* memory = MapSmallPages(size, MAP_PRIVATE | MAP_STACK);
  if (memory == nullptr) return false;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, memory, static_cast<size_t>(size.value));
  auto* stack = new Stack{memory, size.value, &counter};
  pthread_t thread{};
  const bool started = pthread_create(&thread, &attributes, UseStack, stack) == 0;
  if (!started) delete stack;
  pthread_attr_destroy(&attributes);
  return started;
}

int Grow(const ThreadGrowthOptions& options, ThreadGrowth::Counters& counters,
         const cgroup::ReadySignal& ready) {
  if (options.heap > Bytes{0}) {
    char* heap = MapSmallPages(options.heap);
    if (heap == nullptr) return kExitNoMemory;
    TouchDown(heap, options.heap.value, counters.heap);
  }
  for (int i = 0; i < options.threads; ++i) {
    const int64_t before = counters.stacks;
    if (!StartThread(options.stack, counters.stacks)) return kExitNoThread;
    while (counters.stacks < before + options.stack.value - (32 << 10)) ::usleep(500);
  }
  if (options.shared > Bytes{0}) {
    char* shared = MapSmallPages(options.shared, MAP_SHARED);
    if (shared == nullptr) return kExitNoMemory;
    TouchDown(shared, options.shared.value, counters.shared);
  }
  ready.Notify();
  for (;;) ::pause();
}

}  // namespace

Result<ThreadGrowth> ThreadGrowth::Start(const ThreadGrowthOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .oom_score_adj = options.oom_score_adj},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return Grow(options, counters, ready);
      }));
  return ThreadGrowth(std::move(worker));
}

}  // namespace nodeproof::stress
