// SPDX-License-Identifier: Apache-2.0
// Strips of long products, kept in registers: where all the time goes.
//
//              b[0]  b[1]  b[2]  ...        step j adds a[i] * b[j] to column i + j. The columns
//     a[0]      x     x     x               j .. j + kWidth - 1 are a window of registers that
//     a[1]      x     x     x               slides up by one column a step: one load, one store
//      ..                                   and kWidth products.
//
// Columns are 64 bits wide and carries are not propagated; Columns (columns.h) sees that none
// overflows. These functions are not inlined: one copy serves all sizes of modulus, and the loop
// body of kWidth steps fits the micro-op cache.
#pragma once

#include <cstdint>

#include "cpu/simd/inline.h"

namespace pyfate::simd {

/// The streamed factor: a limb of each lane, or one word for all lanes.
template <typename V>
PYFATE_INLINE V operand(const V* source) {
  return *source;
}
template <typename V>
PYFATE_INLINE V operand(const std::uint64_t* source) {
  return V::broadcast(*source);
}

/// One step: window += a * y, then column k leaves for *leaving and *entering takes its register.
/// The high parts of split products belong one column up, so they are added after the exchange.
template <typename V, int kWidth>
PYFATE_INLINE void slide(V (&window)[kWidth], const V (&a)[kWidth], const V& y, int k, V* leaving,
                         const V* entering) {
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) {
    V& column = window[(k + i) % kWidth];
    column = add_product_low(column, a[i], y);
  }
  *leaving = window[k];
  window[k] = *entering;
  if constexpr (V::kSplitProducts) {
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) {
      V& column = window[(k + i + 1) % kWidth];
      column = add_product_high(column, a[i], y);
    }
  }
}

/// The strip a[0, kWidth) * b[0, steps) from a window that holds acc[0, kWidth) on; acc gets all
/// its columns. Those from acc[used] on have no value yet and count as zero. Precondition: kWidth
/// divides `used`, or it is at least kWidth + steps.
template <int kWidth, typename V, typename B>
PYFATE_INLINE void run_strip(V (&window)[kWidth], V* acc, const V* a, const B* b, int steps,
                             int used) {
  const V zero = V::zero();
  V factor[kWidth];
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) factor[i] = a[i];
  // Up to kWidth steps, all of which meet new columns or none.
  auto turn = [&](int j, int count) {
    auto slides = [&]<bool kNew>() {
#pragma GCC unroll 16
      for (int k = 0; k < kWidth; ++k) {
        if (k >= count) break;
        const V y = operand<V>(b + j + k);
        const V* entering = kNew ? &zero : acc + j + k + kWidth;
        slide<V, kWidth>(window, factor, y, k, acc + j + k, entering);
      }
    };
    if (j + kWidth < used) {
      slides.template operator()<false>();
    } else {
      slides.template operator()<true>();
    }
  };
  int j = 0;
  for (; j + kWidth <= steps; j += kWidth) turn(j, kWidth);
  const int rest = steps - j;
  turn(j, rest);
  // The first `rest` registers already hold columns of the next turn.
#pragma GCC unroll 16
  for (int k = 0; k < kWidth; ++k) acc[j + k + (k < rest ? kWidth : 0)] = window[k];
}

/// acc[0, kWidth + steps) += a[0, kWidth) * b[0, steps), with `used` as above.
template <int kWidth, typename V, typename B>
[[gnu::noinline]] void accumulate_strip(V* acc, const V* a, const B* b, int steps, int used) {
  V window[kWidth];
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) window[i] = used == 0 ? V::zero() : acc[i];
  run_strip<kWidth>(window, acc, a, b, steps, used);
}

/// acc[0, 2 kWidth) = twice (acc + the products a[i] * a[j] with i < j < kWidth) + the squares of
/// a[0, kWidth), column by column.
template <int kWidth, typename V>
[[gnu::noinline]] void finish_square(V* acc, const V* limbs) {
  V a[kWidth];  // in registers, for all the columns: reading takes as long as multiplying
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) a[i] = limbs[i];
  V next = acc[0];
#pragma GCC unroll 32
  for (int column = 0; column < 2 * kWidth; ++column) {
    V sum = next;
    if (column + 1 < 2 * kWidth) next = acc[column + 1];
#pragma GCC unroll 16
    for (int i = column < kWidth ? 0 : column - kWidth + 1; 2 * i < column; ++i) {
      sum = add_product_low(sum, a[i], a[column - i]);
      if constexpr (V::kSplitProducts) next = add_product_high(next, a[i], a[column - i]);
    }
    sum = sum + sum;
    const V& root = a[column / 2];
    if (column % 2 == 0) {
      sum = add_product_low(sum, root, root);
    } else if constexpr (V::kSplitProducts) {
      sum = add_product_high(sum, root, root);
    }
    acc[column] = sum;
  }
}

/// Clears kWidth columns by multiples of the modulus of `limbs` limbs. On return acc[0, kWidth)
/// holds the quotient limbs q[k], and acc[kWidth, kWidth + limbs) has received the carries of the
/// cleared columns and the products of q with the modulus that reach so far.
template <int kBits, int kWidth, typename V>
[[gnu::noinline]] void reduce_strip(V* acc, const std::uint64_t* modulus,
                                    std::uint64_t negative_inverse, int limbs) {
  const V inverse = V::broadcast(negative_inverse);
  V factor[kWidth];
  V window[kWidth];
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) {
    factor[i] = V::broadcast(modulus[i]);
    window[i] = acc[i];
  }
#pragma GCC unroll 16
  for (int k = 0; k < kWidth; ++k) {
    const V quotient = low_product<kBits>(window[k], inverse);
    V cleared;
    slide<V, kWidth>(window, factor, quotient, k, &cleared, acc + k + kWidth);
    V& next = window[(k + 1) % kWidth];
    next = next + shift_right(cleared, kBits);
    acc[k] = quotient;
  }
  run_strip<kWidth>(window, acc + kWidth, acc, modulus + kWidth, limbs - kWidth, limbs);
}

}  // namespace pyfate::simd
