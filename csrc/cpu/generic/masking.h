// SPDX-License-Identifier: Apache-2.0
// Bodies of MaskingKernels for vectors of A::kLanes words: vectors of the compiler, so that any
// instruction set will do. No branch and no address depends on a value, a key or a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "pyfate/masking.h"

namespace pyfate::generic {

template <class A>
struct Masking {
  static constexpr int kLanes = A::kLanes;
  using Words = typename A::Words;  // kLanes of 32 bits
  using Halves = typename A::Halves;
  using Bytes = typename A::Bytes;

  static void scrub(void* memory, std::size_t bytes) {
    std::memset(memory, 0, bytes);
    __asm__ __volatile__("" : : "r"(memory) : "memory");
  }

  template <int kCount>
  static inline __attribute__((always_inline)) void rotate(Words& x) {
    x = x << kCount | x >> (32 - kCount);
  }

  static inline __attribute__((always_inline)) void quarter(Words& a, Words& b, Words& c,
                                                            Words& d) {
    a += b;
    d ^= a;
    rotate<16>(d);
    c += d;
    b ^= c;
    rotate<12>(b);
    a += b;
    d ^= a;
    rotate<8>(d);
    c += d;
    b ^= c;
    rotate<7>(b);
  }

  /// Blocks `block`, `block` + 1 and so on (RFC 8439 2.3, counter of 64 bits, nonce 0).
  static inline __attribute__((always_inline)) void make(const std::uint32_t* key,
                                                         std::uint64_t block, Words* x) {
    const std::uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    std::uint32_t counters[2][kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      counters[0][lane] = static_cast<std::uint32_t>(block + static_cast<std::uint64_t>(lane));
      counters[1][lane] =
          static_cast<std::uint32_t>((block + static_cast<std::uint64_t>(lane)) >> 32);
    }
    Words low;
    Words high;
    std::memcpy(&low, counters[0], sizeof low);
    std::memcpy(&high, counters[1], sizeof high);
    for (int i = 0; i < 4; ++i) x[i] = Words{} + constants[i];
    for (int i = 0; i < 8; ++i) x[4 + i] = Words{} + key[i];
    x[12] = low;
    x[13] = high;
    x[14] = x[15] = Words{};
    for (int round = 0; round < 10; ++round) {
      quarter(x[0], x[4], x[8], x[12]);
      quarter(x[1], x[5], x[9], x[13]);
      quarter(x[2], x[6], x[10], x[14]);
      quarter(x[3], x[7], x[11], x[15]);
      quarter(x[0], x[5], x[10], x[15]);
      quarter(x[1], x[6], x[11], x[12]);
      quarter(x[2], x[7], x[8], x[13]);
      quarter(x[3], x[4], x[9], x[14]);
    }
    for (int i = 0; i < 4; ++i) x[i] += constants[i];
    for (int i = 0; i < 8; ++i) x[4 + i] += key[i];
    x[12] += low;
    x[13] += high;
  }

  /// Vectors hold words of 32 bits, the lower first, whatever the width that is added.
  static inline __attribute__((always_inline)) void add(Words* sum, const Words* x,
                                                        int lane_bytes) {
    for (int i = 0; i < 16; i += 2) {
      if (lane_bytes == 1) {
        sum[i] = (Words)((Bytes)sum[i] + (Bytes)x[i]);
        sum[i + 1] = (Words)((Bytes)sum[i + 1] + (Bytes)x[i + 1]);
      } else if (lane_bytes == 2) {
        sum[i] = (Words)((Halves)sum[i] + (Halves)x[i]);
        sum[i + 1] = (Words)((Halves)sum[i + 1] + (Halves)x[i + 1]);
      } else {
        sum[i] += x[i];
        sum[i + 1] += x[i + 1];
        if (lane_bytes == 8) sum[i + 1] -= (Words)(sum[i] < x[i]);  // a comparison that holds is -1
      }
    }
  }

  static inline __attribute__((always_inline)) void subtract(Words* sum, const Words* x,
                                                             int lane_bytes) {
    for (int i = 0; i < 16; i += 2) {
      if (lane_bytes == 1) {
        sum[i] = (Words)((Bytes)sum[i] - (Bytes)x[i]);
        sum[i + 1] = (Words)((Bytes)sum[i + 1] - (Bytes)x[i + 1]);
      } else if (lane_bytes == 2) {
        sum[i] = (Words)((Halves)sum[i] - (Halves)x[i]);
        sum[i + 1] = (Words)((Halves)sum[i + 1] - (Halves)x[i + 1]);
      } else {
        if (lane_bytes == 8) sum[i + 1] += (Words)(sum[i] < x[i]);
        sum[i] -= x[i];
        sum[i + 1] -= x[i + 1];
      }
    }
  }

  static void sum_streams(const StreamSet& set, std::uint64_t block, std::size_t groups,
                          std::uint32_t* out) {
    Words sum[16];
    Words x[16];
    std::uint32_t flat[16 * kLanes];
    for (std::size_t group = 0; group < groups; ++group) {
      std::memset(sum, 0, sizeof sum);
      for (std::size_t stream = 0; stream < set.count; ++stream) {
        make(set.keys + 8 * stream, block, x);
        if (set.signs[stream] > 0) {
          add(sum, x, set.lane_bytes);
        } else {
          subtract(sum, x, set.lane_bytes);
        }
      }
      std::memcpy(flat, sum, sizeof sum);
      for (int lane = 0; lane < kLanes; ++lane) {
        for (int i = 0; i < 16; ++i) out[16 * lane + i] = flat[i * kLanes + lane];
      }
      block += kLanes;
      out += 16 * kLanes;
    }
    scrub(sum, sizeof sum);
    scrub(x, sizeof x);
    scrub(flat, sizeof flat);
  }

  static constexpr std::size_t kPiece = 256;

  template <class Float>
  static void round(const Float* values, std::size_t count, const Rounding& rounding,
                    const std::uint32_t* words, std::int32_t* out, ClipCounts& counts) {
    double scaled[kPiece];
    for (std::size_t start = 0; start < count; start += kPiece) {
      const std::size_t some = count - start < kPiece ? count - start : kPiece;
      scale(values + start, some, rounding, scaled, counts);
      if (words == nullptr) {
        to_nearest(scaled, some, out + start);
      } else {
        by_words(scaled, some, rounding, words + start, out + start);
      }
    }
    scrub(scaled, sizeof scaled);
  }

  template <class Float>
  static void scale(const Float* values, std::size_t count, const Rounding& rounding,
                    double* scaled, ClipCounts& counts) {
    const double clip = rounding.clip;
    const double top = rounding.levels;
    std::int64_t clipped = 0;
    std::int64_t large = 0;
    std::int64_t bad = 0;
    for (std::size_t i = 0; i < count; ++i) {
      double x = static_cast<double>(values[i]) / clip;  // by two steps: the clip is the last level
      x *= top;
      const double size = __builtin_fabs(x);
      clipped += size > top ? 1 : 0;
      large += size * 4 > top ? 1 : 0;
      const bool finite = size <= 0x1.fffffffffffffp1023;
      bad += finite ? 0 : 1;
      x = finite ? x : 0.0;
      x = x > top ? top : x;
      scaled[i] = x < -top ? -top : x;
    }
    counts.clipped += static_cast<std::uint64_t>(clipped);
    counts.large += static_cast<std::uint64_t>(large);
    counts.not_finite += static_cast<std::uint64_t>(bad);
  }

  static void by_words(const double* scaled, std::size_t count, const Rounding& rounding,
                       const std::uint32_t* words, std::int32_t* out) {
    const int drop = 32 - rounding.bits;
    const double unit = rounding.scale;
    for (std::size_t i = 0; i < count; ++i) {
      // Signed conversions: older processors have no other ones in vectors.
      const auto word = static_cast<std::int32_t>((words[i] >> drop) ^ 0x80000000u);
      const double x = scaled[i] + (static_cast<double>(word) + 2147483648.0) * unit;
      const auto near = static_cast<std::int32_t>(x);  // towards zero
      out[i] = near - (static_cast<double>(near) > x ? 1 : 0);
    }
  }

  static void to_nearest(const double* scaled, std::size_t count, std::int32_t* out) {
    const double shift = 0x1.8p52;  // the sum has no bits below one, and is rounded to even
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = static_cast<std::int32_t>((scaled[i] + shift) - shift);
    }
  }

  static constexpr MaskingKernels kKernels = {kLanes, &sum_streams, &round<float>, &round<double>};
};

}  // namespace pyfate::generic
