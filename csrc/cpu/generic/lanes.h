// SPDX-License-Identifier: Apache-2.0
// How the generic bodies hand rows to an engine's lanes.
//
// Rules of this folder: everything is a template over the engine A or has internal linkage, and
// nothing of the standard library that could be emitted out of line is used. A unit compiled for
// AVX-512 must not leave a copy of a shared function behind that an older CPU could then run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pyfate/kernel_table.h"

namespace pyfate::generic {

static inline std::size_t smaller(std::size_t a, std::size_t b) {
  return a < b ? a : b;
}

static inline const std::uint64_t* row_at(RowsView rows, std::size_t i) {
  const std::size_t position = rows.index != nullptr ? static_cast<std::size_t>(rows.index[i]) : i;
  return rows.words + rows.stride * position;
}

/// Asks for a number's cache lines ahead of its use: a product takes longer than they do.
/// Always inlined: to GCC, a function that only prefetches has no effect, and it drops the call.
[[gnu::always_inline]] static inline void prefetch(const std::uint64_t* number, std::size_t words) {
  for (std::size_t i = 0; i < words; i += 8) __builtin_prefetch(number + i);
}

/// Asks for the rows of the lanes from `begin` on, if there are any.
template <class A>
[[gnu::always_inline]] inline void prefetch_rows(RowsView rows, std::size_t begin,
                                                 std::size_t end) {
  for (std::size_t i = begin; i < smaller(begin + A::kLanes, end); ++i) {
    prefetch(row_at(rows, i), rows.stride);
  }
}

/// Pointers to the rows of every lane. Lanes past `end` repeat the last row: they compute the same
/// and write the same, which is harmless within one thread.
template <class A>
struct RowPointers {
  const std::uint64_t* at[A::kLanes];

  RowPointers(RowsView rows, std::size_t begin, std::size_t end) {
    for (int lane = 0; lane < A::kLanes; ++lane) {
      at[lane] = row_at(rows, smaller(begin + lane, end - 1));
    }
  }
};

template <class A>
struct OutPointers {
  std::uint64_t* at[A::kLanes];

  OutPointers(std::uint64_t* out, std::size_t stride, std::size_t begin, std::size_t end) {
    for (int lane = 0; lane < A::kLanes; ++lane) {
      at[lane] = out + stride * smaller(begin + lane, end - 1);
    }
  }
};

/// Every lane reads the same row.
template <class A>
struct SameRow {
  const std::uint64_t* at[A::kLanes];

  explicit SameRow(const std::uint64_t* row) {
    for (int lane = 0; lane < A::kLanes; ++lane) at[lane] = row;
  }
};

/// `width` bits of a little-endian number from bit `offset`; bits past its words read as zero.
/// Precondition: 0 < width < 64.
static inline std::uint64_t bits_at(const std::uint64_t* words, std::size_t count, int offset,
                                    int width) {
  const std::size_t word = static_cast<std::size_t>(offset) / 64;
  const int shift = offset % 64;
  if (word >= count) return 0;
  std::uint64_t value = words[word] >> shift;
  if (shift != 0 && word + 1 < count) value |= words[word + 1] << (64 - shift);
  return value & ((std::uint64_t{1} << width) - 1);
}

}  // namespace pyfate::generic
