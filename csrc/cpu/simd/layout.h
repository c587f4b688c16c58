// SPDX-License-Identifier: Apache-2.0
// Words in memory, one number after the other <-> limbs in lanes, one limb of all numbers a vector.
#pragma once

#include <cstdint>

#include "cpu/simd/carry.h"

namespace pyfate::simd {

/// words[i] lane l = rows[l][offset + i] for i < count; zero up to the next multiple of kLanes.
template <typename V>
PYFATE_INLINE void load_lanes(V* words, const std::uint64_t* const* rows, int offset, int count) {
  const int rest = count % V::kLanes;
  V block[V::kLanes];
  for (int i = 0; i < count - rest; i += V::kLanes) {
    for (int lane = 0; lane < V::kLanes; ++lane) block[lane] = V::load(rows[lane] + offset + i);
    transpose(block);
    for (int k = 0; k < V::kLanes; ++k) words[i + k] = block[k];
  }
  if (rest == 0) return;
  for (int lane = 0; lane < V::kLanes; ++lane) {
    std::uint64_t tail[V::kLanes] = {};
    for (int k = 0; k < rest; ++k) tail[k] = rows[lane][offset + count - rest + k];
    block[lane] = V::load(tail);
  }
  transpose(block);
  for (int k = 0; k < V::kLanes; ++k) words[count - rest + k] = block[k];
}

/// The inverse of load_lanes: writes `count` words of each row. Reads words up to the next multiple
/// of kLanes.
template <typename V>
PYFATE_INLINE void store_lanes(std::uint64_t* const* rows, int offset, const V* words, int count) {
  const int rest = count % V::kLanes;
  V block[V::kLanes];
  for (int i = 0; i < count - rest; i += V::kLanes) {
    for (int k = 0; k < V::kLanes; ++k) block[k] = words[i + k];
    transpose(block);
    for (int lane = 0; lane < V::kLanes; ++lane) block[lane].store(rows[lane] + offset + i);
  }
  if (rest == 0) return;
  for (int k = 0; k < V::kLanes; ++k) block[k] = words[count - rest + k];
  transpose(block);
  for (int lane = 0; lane < V::kLanes; ++lane) {
    std::uint64_t tail[V::kLanes];
    block[lane].store(tail);
    for (int k = 0; k < rest; ++k) rows[lane][offset + count - rest + k] = tail[k];
  }
}

/// After this many limbs the positions of limbs within words repeat: 64 / gcd(64, kBits).
template <int kBits>
inline constexpr int kPeriod = 64 / (kBits & -kBits);

/// Words of 64 bits -> limbs of kBits bits, least significant first. words[count] must be readable
/// and zero from `count` to the last word that a limb reaches.
template <int kBits, typename V>
PYFATE_INLINE void split_words(V* limbs, const V* words, int limb_count) {
  const V mask = V::broadcast(kLimbMask<kBits>);
  for (int base = 0; base < limb_count; base += kPeriod<kBits>) {
    const V* word = words + base / kPeriod<kBits> * (kPeriod<kBits> * kBits / 64);
#pragma GCC unroll 16
    for (int i = 0; i < kPeriod<kBits>; ++i) {
      if (base + i >= limb_count) break;
      const int k = i * kBits / 64;
      const int shift = i * kBits % 64;
      V limb = shift_right(word[k], shift);
      if (shift + kBits > 64) limb = limb | shift_left(word[k + 1], 64 - shift);
      limbs[base + i] = limb & mask;
    }
  }
}

/// Limbs below 2^kBits -> `count` words. Limbs past the last one that a word needs must be
/// readable.
template <int kBits, typename V>
PYFATE_INLINE void join_limbs(V* words, const V* limbs, int count) {
  constexpr int kWordPeriod = kPeriod<kBits> * kBits / 64;
  for (int base = 0; base < count; base += kWordPeriod) {
    const V* limb = limbs + base / kWordPeriod * kPeriod<kBits>;
#pragma GCC unroll 16
    for (int k = 0; k < kWordPeriod; ++k) {
      if (base + k >= count) break;
      int i = 64 * k / kBits;
      V word = shift_right(limb[i], 64 * k - i * kBits);
#pragma GCC unroll 4
      for (++i; i * kBits < 64 * (k + 1); ++i) {
        word = word | shift_left(limb[i], i * kBits - 64 * k);
      }
      words[base + k] = word;
    }
  }
}

}  // namespace pyfate::simd
