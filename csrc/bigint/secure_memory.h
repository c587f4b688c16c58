// SPDX-License-Identifier: Apache-2.0
// Memory for secrets: left out of core dumps, locked against swapping as far as the system lets
// this process lock memory, and overwritten before it is given back. Where locking is refused the
// memory is used all the same (docs/limitations.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bigint/zeroing_allocator.h"

namespace pyfate {

/// `bytes` bytes, aligned to 64. Throws std::bad_alloc.
void* secure_allocate(std::size_t bytes);
/// Overwrites `bytes` bytes and gives them back.
void secure_release(void* memory, std::size_t bytes) noexcept;

/// False once the system refused to lock memory of secrets.
bool secrets_locked();

/// A standard allocator of such memory.
template <class T>
struct SecureAllocator {
  using value_type = T;

  SecureAllocator() = default;
  template <class U>
  SecureAllocator(const SecureAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(secure_allocate(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) { secure_release(memory, count * sizeof(T)); }
  template <class U>
  bool operator==(const SecureAllocator<U>&) const {
    return true;
  }
};

using SecretWords = std::vector<std::uint64_t, SecureAllocator<std::uint64_t>>;

}  // namespace pyfate
