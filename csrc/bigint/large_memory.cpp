// SPDX-License-Identifier: Apache-2.0
#include "bigint/large_memory.h"

#include <sys/mman.h>

#include <new>

namespace pyfate {

namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

/// What is smaller than two huge pages may not hold a whole one.
std::align_val_t alignment_of(std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  return std::align_val_t{bytes < 2 * kHugePage ? kLine : kHugePage};
}

}  // namespace

void* allocate_rows(std::size_t bytes) {
  void* memory = ::operator new(bytes, alignment_of(bytes));
#if defined(MADV_HUGEPAGE)
  // Whole ones alone: what comes after them belongs to others. A system without them changes
  // nothing.
  if (bytes >= 2 * kHugePage) (void)madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return memory;
}

void release_rows(void* memory, std::size_t bytes) noexcept {
  ::operator delete(memory, alignment_of(bytes));
}

}  // namespace pyfate
