// SPDX-License-Identifier: Apache-2.0
// Four lanes of 64 bits in AVX2. The only file of this engine that knows intrinsics.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/simd/inline.h"

namespace pyfate::avx2 {

struct Vector {
  static constexpr int kLanes = 4;
  /// Widths of strips: 6 columns, 6 factors, a limb and a product in 16 registers.
  static constexpr int kWidths[] = {6, 2, 1};
  static constexpr int kWidthCount = 3;
  /// A product of two limbs below 2^32 is added to a column whole.
  static constexpr bool kSplitProducts = false;

  __m256i value;

  static PYFATE_INLINE Vector zero() { return {_mm256_setzero_si256()}; }
  static PYFATE_INLINE Vector broadcast(std::uint64_t word) {
    return {_mm256_set1_epi64x(static_cast<long long>(word))};
  }
  static PYFATE_INLINE Vector load(const std::uint64_t* words) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words))};
  }
  PYFATE_INLINE void store(std::uint64_t* words) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), value);
  }
};

PYFATE_INLINE Vector operator+(Vector a, Vector b) {
  return {_mm256_add_epi64(a.value, b.value)};
}
PYFATE_INLINE Vector operator-(Vector a, Vector b) {
  return {_mm256_sub_epi64(a.value, b.value)};
}
PYFATE_INLINE Vector operator&(Vector a, Vector b) {
  return {_mm256_and_si256(a.value, b.value)};
}
PYFATE_INLINE Vector operator|(Vector a, Vector b) {
  return {_mm256_or_si256(a.value, b.value)};
}

PYFATE_INLINE Vector shift_right(Vector a, int count) {
  return {_mm256_srli_epi64(a.value, count)};
}
PYFATE_INLINE Vector shift_left(Vector a, int count) {
  return {_mm256_slli_epi64(a.value, count)};
}

/// All ones in the lanes where a equals b, zero in the others.
PYFATE_INLINE Vector equal(Vector a, Vector b) {
  return {_mm256_cmpeq_epi64(a.value, b.value)};
}

/// sum + a * b. Precondition: limbs below 2^32.
PYFATE_INLINE Vector add_product_low(Vector sum, Vector a, Vector b) {
  sum.value = _mm256_add_epi64(sum.value, _mm256_mul_epu32(a.value, b.value));
  // Without this GCC regroups the sums of a whole strip and spills most of its columns.
  __asm__("" : "+x"(sum.value));
  return sum;
}

/// a * b mod 2^kBits for b below 2^32 and any a: only the lowest 32 bits of a are read.
template <int kBits>
PYFATE_INLINE Vector low_product(Vector a, Vector b) {
  static_assert(kBits <= 32);
  return Vector{_mm256_mul_epu32(a.value, b.value)} & Vector::broadcast((1ULL << kBits) - 1);
}

/// rows[i] lane j <-> rows[j] lane i.
PYFATE_INLINE void transpose(Vector (&rows)[4]) {
  const __m256i even_low = _mm256_unpacklo_epi64(rows[0].value, rows[1].value);
  const __m256i odd_low = _mm256_unpackhi_epi64(rows[0].value, rows[1].value);
  const __m256i even_high = _mm256_unpacklo_epi64(rows[2].value, rows[3].value);
  const __m256i odd_high = _mm256_unpackhi_epi64(rows[2].value, rows[3].value);
  rows[0].value = _mm256_permute2x128_si256(even_low, even_high, 0x20);
  rows[1].value = _mm256_permute2x128_si256(odd_low, odd_high, 0x20);
  rows[2].value = _mm256_permute2x128_si256(even_low, even_high, 0x31);
  rows[3].value = _mm256_permute2x128_si256(odd_low, odd_high, 0x31);
}

}  // namespace pyfate::avx2
