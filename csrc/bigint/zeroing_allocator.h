// SPDX-License-Identifier: Apache-2.0
// Memory that is overwritten before it is given back.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>

#include "bigint/large_memory.h"

namespace pyfate {

/// Overwrites memory in a way the compiler may not drop.
static inline void secure_zero(void* memory, std::size_t bytes) {
  if (bytes == 0) return;
  std::memset(memory, 0, bytes);
  __asm__ __volatile__("" : : "r"(memory) : "memory");
}

/// A standard allocator, aligned to cache lines, that clears what it frees.
template <class T>
struct ZeroingAllocator {
  using value_type = T;

  ZeroingAllocator() = default;
  template <class U>
  ZeroingAllocator(const ZeroingAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(allocate_rows(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) {
    secure_zero(memory, count * sizeof(T));
    release_rows(memory, count * sizeof(T));
  }
  template <class U>
  bool operator==(const ZeroingAllocator<U>&) const {
    return true;
  }
};

}  // namespace pyfate
