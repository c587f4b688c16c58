// SPDX-License-Identifier: Apache-2.0
// Eight lanes of 64 bits in AVX-512. The only file of this engine that knows intrinsics.
#pragma once

// GCC 12 takes the deliberately undefined operands of its own intrinsics for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstdint>

#include "cpu/simd/inline.h"

namespace pyfate::avx512ifma {

struct Vector {
  static constexpr int kLanes = 8;
  /// Widths of strips: 10 columns, 10 factors and a limb in 32 registers. 10 divides the limbs of
  /// all usual sizes; 5 serves the others.
  static constexpr int kWidths[] = {10, 5};
  static constexpr int kWidthCount = 2;
  /// The 52 lower and 52 upper bits of a product are added to columns of their own.
  static constexpr bool kSplitProducts = true;

  __m512i value;

  static PYFATE_INLINE Vector zero() { return {_mm512_setzero_si512()}; }
  static PYFATE_INLINE Vector broadcast(std::uint64_t word) {
    return {_mm512_set1_epi64(static_cast<long long>(word))};
  }
  static PYFATE_INLINE Vector load(const std::uint64_t* words) {
    return {_mm512_loadu_si512(words)};
  }
  PYFATE_INLINE void store(std::uint64_t* words) const { _mm512_storeu_si512(words, value); }
};

PYFATE_INLINE Vector operator+(Vector a, Vector b) {
  return {_mm512_add_epi64(a.value, b.value)};
}
PYFATE_INLINE Vector operator-(Vector a, Vector b) {
  return {_mm512_sub_epi64(a.value, b.value)};
}
PYFATE_INLINE Vector operator&(Vector a, Vector b) {
  return {_mm512_and_si512(a.value, b.value)};
}
PYFATE_INLINE Vector operator|(Vector a, Vector b) {
  return {_mm512_or_si512(a.value, b.value)};
}

PYFATE_INLINE Vector shift_right(Vector a, int count) {
  return {_mm512_srli_epi64(a.value, static_cast<unsigned>(count))};
}
PYFATE_INLINE Vector shift_left(Vector a, int count) {
  return {_mm512_slli_epi64(a.value, static_cast<unsigned>(count))};
}

/// All ones in the lanes where a equals b, zero in the others.
PYFATE_INLINE Vector equal(Vector a, Vector b) {
  return {_mm512_maskz_set1_epi64(_mm512_cmpeq_epi64_mask(a.value, b.value), -1)};
}

/// sum + bits 0..51 of a * b; of the factors only the lowest 52 bits are read.
PYFATE_INLINE Vector add_product_low(Vector sum, Vector a, Vector b) {
  return {_mm512_madd52lo_epu64(sum.value, a.value, b.value)};
}
/// sum + bits 52..103 of a * b.
PYFATE_INLINE Vector add_product_high(Vector sum, Vector a, Vector b) {
  return {_mm512_madd52hi_epu64(sum.value, a.value, b.value)};
}

/// a * b mod 2^52 for b below 2^52 and any a.
template <int kBits>
PYFATE_INLINE Vector low_product(Vector a, Vector b) {
  static_assert(kBits == 52);
  return add_product_low(Vector::zero(), a, b);
}

/// rows[i] lane j <-> rows[j] lane i: pairs of lanes, then pairs and quadruples of 128 bits.
PYFATE_INLINE void transpose(Vector (&rows)[8]) {
  constexpr int kEven = 0x88;
  constexpr int kOdd = 0xdd;
  __m512i pair[8];
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm512_unpacklo_epi64(rows[i].value, rows[i + 1].value);
    pair[i + 1] = _mm512_unpackhi_epi64(rows[i].value, rows[i + 1].value);
  }
  for (int i = 0; i < 2; ++i) {
    const __m512i first_even = _mm512_shuffle_i64x2(pair[i], pair[i + 2], kEven);
    const __m512i first_odd = _mm512_shuffle_i64x2(pair[i], pair[i + 2], kOdd);
    const __m512i second_even = _mm512_shuffle_i64x2(pair[i + 4], pair[i + 6], kEven);
    const __m512i second_odd = _mm512_shuffle_i64x2(pair[i + 4], pair[i + 6], kOdd);
    rows[i].value = _mm512_shuffle_i64x2(first_even, second_even, kEven);
    rows[i + 2].value = _mm512_shuffle_i64x2(first_odd, second_odd, kEven);
    rows[i + 4].value = _mm512_shuffle_i64x2(first_even, second_even, kOdd);
    rows[i + 6].value = _mm512_shuffle_i64x2(first_odd, second_odd, kOdd);
  }
}

}  // namespace pyfate::avx512ifma
