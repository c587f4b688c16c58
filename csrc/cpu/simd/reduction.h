// SPDX-License-Identifier: Apache-2.0
// Montgomery reduction of columns, a strip of quotient limbs at a time.
#pragma once

#include "cpu/simd/product.h"

namespace pyfate::simd {

// The quotient limbs of kWidth columns: after this acc[0 .. kWidth) holds them, and acc[kWidth .. 2 kWidth) has
// received their products with modulus[0 .. kWidth) and the carries of the columns that became zero.
template <int kBits, int kWidth, typename V>
[[gnu::noinline]] void reduce_diagonal(V* acc, const uint64_t* modulus, V inverse) {
  V factor[kWidth];
  V window[kWidth];
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) {
    factor[i] = V::broadcast(modulus[i]);
    window[i] = acc[i];
  }
#pragma GCC unroll 16
  for (int k = 0; k < kWidth; ++k) {
    const V quotient = low_product(window[k], inverse, kBits);
    V cleared;
    // The carry is added to the column that enters as well when the strip is one column wide.
    slide<V, kWidth>(window, factor, quotient, k, &cleared, acc + k + kWidth);
    V& next = window[(k + 1) % kWidth];
    next = add(next, shift_right(cleared, kBits));
    acc[k] = quotient;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) {
    acc[kWidth + i] = window[i];
  }
}

// acc / R mod modulus, R = 2^(kBits limbs): the result, below (acc / R) + modulus, is in the columns acc[limbs .. 2 limbs);
// the quotient q = -acc / modulus mod R, for which acc = result * R - q * modulus, is in the limbs acc[0 .. limbs).
template <int kBits, typename V, int kLimbs>
PYFATE_INLINE void reduce(V* acc, const uint64_t* modulus, V inverse, int limbs) {
  for_each_strip<V, kLimbs>(limbs, [&]<int kWidth>(int first) {
    V* columns = acc + first;
    reduce_diagonal<kBits, kWidth>(columns, modulus, inverse);
    accumulate_strip<kWidth>(columns + kWidth, columns, modulus + kWidth, limbs - kWidth);
  });
}

}  // namespace pyfate::simd
