// SPDX-License-Identifier: Apache-2.0
// The inner loop of everything: a strip of a long product, kept in registers.
//
//              b[0]  b[1]  b[2]  ...              columns of acc
//     a[0]      x     x     x                     step j adds a[i] * b[j] to column i + j;
//     a[1]      x     x     x                     the columns j .. j + kWidth - 1 are a window of registers
//      ..                                         that slides up by one column a step.
#pragma once

#include <cstdint>

#include "cpu/simd/inline.h"

namespace pyfate::simd {

// The streamed factor: lanes of their own, or one word for all lanes.
template <typename V>
PYFATE_INLINE V operand(const V* source) {
  return *source;
}
template <typename V>
PYFATE_INLINE V operand(const uint64_t* source) {
  return V::broadcast(*source);
}

// One step of the window: y times a[0 .. kWidth) is added, column k leaves for *leaving, *entering takes its place.
// The low parts go to the columns of the step, the high parts (if products come in two parts) one column up.
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

// acc[0 .. kWidth + steps) += a[0 .. kWidth) * b[0 .. steps), columns of 64 bits without carries.
// Not inlined: one copy serves every size, and its loop body of kWidth steps fits the micro-op cache.
template <int kWidth, typename V, typename B>
[[gnu::noinline]] void accumulate_strip(V* acc, const V* a, const B* b, int steps) {
  V factor[kWidth];
  V window[kWidth];
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) {
    factor[i] = a[i];
    window[i] = acc[i];
  }
  int j = 0;
  for (; j + kWidth <= steps; j += kWidth) {
#pragma GCC unroll 16
    for (int k = 0; k < kWidth; ++k) {
      slide<V, kWidth>(window, factor, operand<V>(b + j + k), k, acc + j + k, acc + j + k + kWidth);
    }
  }
  const int rest = steps - j;
#pragma GCC unroll 16
  for (int k = 0; k < kWidth - 1; ++k) {
    if (k < rest) {
      slide<V, kWidth>(window, factor, operand<V>(b + j + k), k, acc + j + k, acc + j + k + kWidth);
    }
  }
  // The first `rest` registers hold columns of the next turn already.
#pragma GCC unroll 16
  for (int k = 0; k < kWidth; ++k) {
    acc[j + k + (k < rest ? kWidth : 0)] = window[k];
  }
}

}  // namespace pyfate::simd
