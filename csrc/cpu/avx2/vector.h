// SPDX-License-Identifier: Apache-2.0
// Four lanes of 64 bits. The only file of this engine that knows intrinsics.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/simd/inline.h"

namespace pyfate::avx2 {

struct Vector {
  static constexpr int kLanes = 4;
  static constexpr int kTile = 6;               // columns and factors held in the 16 registers
  static constexpr bool kSplitProducts = false; // a product of two 32-bit limbs is added whole

  __m256i value;

  static PYFATE_INLINE Vector zero() { return {_mm256_setzero_si256()}; }
  static PYFATE_INLINE Vector broadcast(uint64_t word) {
    return {_mm256_set1_epi64x(static_cast<long long>(word))};
  }
  static PYFATE_INLINE Vector load(const uint64_t* words) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words))};
  }
  PYFATE_INLINE void store(uint64_t* words) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), value);
  }
};

PYFATE_INLINE Vector add(Vector a, Vector b) { return {_mm256_add_epi64(a.value, b.value)}; }
PYFATE_INLINE Vector subtract(Vector a, Vector b) { return {_mm256_sub_epi64(a.value, b.value)}; }
PYFATE_INLINE Vector bit_and(Vector a, Vector b) { return {_mm256_and_si256(a.value, b.value)}; }
PYFATE_INLINE Vector bit_or(Vector a, Vector b) { return {_mm256_or_si256(a.value, b.value)}; }
PYFATE_INLINE Vector shift_right(Vector a, int count) {
  return {_mm256_srli_epi64(a.value, count)};
}
PYFATE_INLINE Vector shift_left(Vector a, int count) { return {_mm256_slli_epi64(a.value, count)}; }
// All ones in the lanes where a equals b.
PYFATE_INLINE Vector equal(Vector a, Vector b) { return {_mm256_cmpeq_epi64(a.value, b.value)}; }
// Lanes of `chosen` where the mask is all ones, of `other` where it is zero.
PYFATE_INLINE Vector blend(Vector mask, Vector chosen, Vector other) {
  return {_mm256_blendv_epi8(other.value, chosen.value, mask.value)};
}

// sum + a * b; the factors are below 2^32 (their upper halves are not read).
PYFATE_INLINE Vector add_product_low(Vector sum, Vector a, Vector b) {
  sum.value = _mm256_add_epi64(sum.value, _mm256_mul_epu32(a.value, b.value));
  // Without this GCC reassociates the sums of a whole tile and spills them.
  __asm__("" : "+x"(sum.value));
  return sum;
}
// a * b mod 2^bits, bits <= 32; only the lowest 32 bits of each factor are read.
PYFATE_INLINE Vector low_product(Vector a, Vector b, int bits) {
  return {_mm256_and_si256(_mm256_mul_epu32(a.value, b.value),
                           _mm256_set1_epi64x((1LL << bits) - 1))};
}

// rows[i] lane j <-> rows[j] lane i.
PYFATE_INLINE void transpose(Vector (&rows)[4]) {
  const __m256i low01 = _mm256_unpacklo_epi64(rows[0].value, rows[1].value);
  const __m256i high01 = _mm256_unpackhi_epi64(rows[0].value, rows[1].value);
  const __m256i low23 = _mm256_unpacklo_epi64(rows[2].value, rows[3].value);
  const __m256i high23 = _mm256_unpackhi_epi64(rows[2].value, rows[3].value);
  rows[0].value = _mm256_permute2x128_si256(low01, low23, 0x20);
  rows[1].value = _mm256_permute2x128_si256(high01, high23, 0x20);
  rows[2].value = _mm256_permute2x128_si256(low01, low23, 0x31);
  rows[3].value = _mm256_permute2x128_si256(high01, high23, 0x31);
}

}  // namespace pyfate::avx2
