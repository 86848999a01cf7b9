// One object in memory shared between a process and the children it forks. The creator touches
// every page first, so that a memory controller charges them to the creator and never to a child.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <type_traits>
#include <utility>

#include "harness/base/result.h"

namespace nodeproof {

template <typename T>
class Shared {
 public:
  static_assert(std::is_trivially_destructible_v<T>);

  static Result<Shared> Create() {
    void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) return FailErrno(errno, "map shared memory");
    return Shared(new (memory) T());
  }
  Shared(Shared&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Shared& operator=(Shared&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() {
    if (object_ != nullptr) ::munmap(object_, sizeof(T));
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }

 private:
  explicit Shared(T* object) : object_(object) {}
  T* object_;
};

}  // namespace nodeproof
