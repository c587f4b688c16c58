// SPDX-License-Identifier: Apache-2.0
// Products of limbs in registers and nothing else: the rate that no kernel of an engine can pass.
#pragma once

#include <cstdint>

#include "cpu/simd/inline.h"

namespace pyfate::simd {

/// Streams `count` vectors `rounds` times past a strip's worth of sums; returns the products made.
/// words: count * kLanes words; the first vector receives the sums, so that none is left out.
template <typename V>
[[gnu::noinline]] std::uint64_t multiply_limbs(std::uint64_t* words, std::uint64_t count,
                                               std::uint64_t rounds) {
  constexpr int kWidth = V::kWidths[0];
  V factor[kWidth];
  V sum[kWidth];
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) {
    factor[i] = V::load(words + i * V::kLanes);
    sum[i] = V::zero();
  }
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (std::uint64_t j = 0; j < count; ++j) {
      const V streamed = V::load(words + j * V::kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) sum[i] = add_product_low(sum[i], factor[i], streamed);
      if constexpr (V::kSplitProducts) {
#pragma GCC unroll 16
        for (int i = 0; i < kWidth; ++i) sum[i] = add_product_high(sum[i], factor[i], streamed);
      }
    }
  }
  V total = sum[0];
  for (int i = 1; i < kWidth; ++i) total = total + sum[i];
  total.store(words);
  return rounds * count * kWidth * V::kLanes;
}

}  // namespace pyfate::simd
