// SPDX-License-Identifier: Apache-2.0
// Long products and squares of n limbs as strips of V::kTile limbs. Columns stay 64 bits wide, carries come later.
#pragma once

#include "cpu/simd/strip.h"

namespace pyfate::simd {

// Calls strip.template operator()<width>(first) for the strips that cover limbs 0 .. limbs. A template size kLimbs
// may end in a narrower strip; a run-time size (kLimbs = 0) is a multiple of V::kTile.
template <typename V, int kLimbs, typename Strip>
PYFATE_INLINE void for_each_strip(int limbs, Strip&& strip) {
  int first = 0;
  for (; first + V::kTile <= limbs; first += V::kTile) {
    strip.template operator()<V::kTile>(first);
  }
  if constexpr (kLimbs % V::kTile != 0) {
    strip.template operator()<kLimbs % V::kTile>(first);
  }
}

// acc[0 .. 2 limbs) += a * b.
template <typename V, int kLimbs>
PYFATE_INLINE void accumulate_product(V* acc, const V* a, const V* b, int limbs) {
  for_each_strip<V, kLimbs>(limbs, [&]<int kWidth>(int first) {
    accumulate_strip<kWidth>(acc + first, a + first, b, limbs);
  });
}

// acc[1 .. 2 kWidth - 1) += the products a[i] * a[j], i < j < kWidth, column by column.
template <typename V, int kWidth>
[[gnu::noinline]] void accumulate_triangle(V* acc, const V* a) {
  V high = acc[1];
#pragma GCC unroll 32
  for (int column = 1; column <= 2 * kWidth - 3; ++column) {
    V low = high;
    high = acc[column + 1];
#pragma GCC unroll 16
    for (int i = column < kWidth ? 0 : column - kWidth + 1; 2 * i < column; ++i) {
      low = add_product_low(low, a[i], a[column - i]);
      if constexpr (V::kSplitProducts) high = add_product_high(high, a[i], a[column - i]);
    }
    acc[column] = low;
  }
  if (kWidth > 1) acc[2 * kWidth - 2] = high;
}

// acc[0 .. 2 limbs) = a * a, given acc = 0: mixed products once, then doubled, then the squares of the limbs.
template <typename V, int kLimbs>
PYFATE_INLINE void accumulate_square(V* acc, const V* a, int limbs) {
  for_each_strip<V, kLimbs>(limbs, [&]<int kWidth>(int first) {
    const int next = first + kWidth;
    accumulate_triangle<V, kWidth>(acc + 2 * first, a + first);
    accumulate_strip<kWidth>(acc + first + next, a + first, a + next, limbs - next);
  });
  for (int i = 0; i < limbs; ++i) {
    const V limb = a[i];
    const V odd = add(acc[2 * i + 1], acc[2 * i + 1]);
    acc[2 * i] = add_product_low(add(acc[2 * i], acc[2 * i]), limb, limb);
    if constexpr (V::kSplitProducts) {
      acc[2 * i + 1] = add_product_high(odd, limb, limb);
    } else {
      acc[2 * i + 1] = odd;
    }
  }
}

}  // namespace pyfate::simd
