// SPDX-License-Identifier: Apache-2.0
// The columns of a double-length number: products are summed into them and reduced in them.
#pragma once

#include <cstdint>

#include "cpu/simd/carry.h"
#include "cpu/simd/strip.h"

namespace pyfate::simd {

/// 2 * limbs columns of 64 bits standing for sum of column[i] * 2^(kBits i) in each lane. A second
/// number takes the place of the first one's lower half, so that its upper half stays.
///
/// A column never overflows: `pending_` counts the products it may hold, and carries are moved on
/// before the count passes kMaxProducts (proof: docs/algorithms/base-n-montgomery.md). Columns from
/// `used_` on have no value yet and count as zero: stores are dear.
template <typename V, int kBits, int kCapacity>
class Columns {
 public:
  /// Products that fit a column beside a carry and a limb: 2047 in two parts of 52 bits each, or
  /// 255 whole ones of 28-bit limbs.
  static constexpr int kMaxProducts = (1 << (V::kSplitProducts ? 63 - kBits : 64 - 2 * kBits)) - 1;

  explicit PYFATE_INLINE Columns(int limbs) : limbs_(limbs), column_(memory_ + limbs) {}

  /// += a * b
  PYFATE_INLINE void add_product(const V* a, const V* b) {
    for_each_strip(
        [&]<int kWidth>(int first) { multiply_strip<kWidth>(first, a + first, b, limbs_); });
  }

  /// = a * a, for the first number: products of different strips once, then what doubles them.
  PYFATE_INLINE void set_square(const V* a) {
    clear(V::kWidths[0]);
    for_each_strip([&]<int kWidth>(int first) {
      const int next = first + kWidth;
      if (next == limbs_) return;
      multiply_strip<kWidth>(first + next, a + first, a + next, limbs_ - next);
    });
    clear(2 * limbs_);
    if (2 * (pending_ + V::kWidths[0]) + 1 > kMaxProducts) settle(0);
    pending_ = 2 * (pending_ + V::kWidths[0]) + 1;
    for_each_strip(
        [&]<int kWidth>(int first) { finish_square<kWidth>(column_ + 2 * first, a + first); });
  }

  /// Goes on to the second number, = K n - q for the q of the reduction before: limb by limb,
  /// (K n - (R - 1)) + (R - 1 - q).
  PYFATE_INLINE void next_from_complement(const std::uint64_t* complement) {
    const V ones = V::broadcast(kLimbMask<kBits>);
    for (int i = 0; i < limbs_; ++i) {
      memory_[i] = V::broadcast(complement[i]) + (ones - column_[i]);
    }
    column_ = memory_;
    used_ = limbs_;
    pending_ = 0;
  }

  /// Montgomery reduction of the value T: upper() becomes the columns of r = (T + q n) / R, lower()
  /// the limbs of q = -T / n mod R.
  PYFATE_INLINE void reduce(const std::uint64_t* modulus, std::uint64_t negative_inverse) {
    clear(2 * limbs_);
    for_each_strip([&]<int kWidth>(int first) {
      expect(kWidth, first);
      reduce_strip<kBits, kWidth>(column_ + first, modulus, negative_inverse, limbs_);
    });
  }

  /// The reduced number, and the first one where there is a second.
  PYFATE_INLINE const V* upper() const { return column_ + limbs_; }
  PYFATE_INLINE const V* first_upper() const { return memory_ + 2 * limbs_; }

 private:
  /// Calls strip.operator()<width>(first) for strips that cover [0, limbs), the widest first. The
  /// narrowest width divides limbs.
  template <int kIndex = 0, typename Strip>
  PYFATE_INLINE void for_each_strip(Strip&& strip, int first = 0) {
    constexpr int kWidth = V::kWidths[kIndex];
    for (; first + kWidth <= limbs_; first += kWidth) strip.template operator()<kWidth>(first);
    if constexpr (kIndex + 1 < V::kWidthCount) for_each_strip<kIndex + 1>(strip, first);
  }

  /// column[first, first + kWidth + steps) += a[0, kWidth) * b[0, steps)
  template <int kWidth>
  PYFATE_INLINE void multiply_strip(int first, const V* a, const V* b, int steps) {
    expect(kWidth, 0);
    const int end = first + kWidth + steps;
    // The columns that a turn of the strip meets must all have values, or none.
    if (used_ < end) clear(used_ + (kWidth - (used_ - first) % kWidth) % kWidth);
    accumulate_strip<kWidth>(column_ + first, a, b, steps, used_ - first);
    if (used_ < end) used_ = end;
  }

  /// Columns below `end` that have no value get zero.
  PYFATE_INLINE void clear(int end) {
    for (; used_ < end; ++used_) column_[used_] = V::zero();
  }

  /// Makes room for that many products in each column from `first` on.
  PYFATE_INLINE void expect(int products, int first) {
    if (pending_ + products > kMaxProducts) settle(first);
    pending_ += products;
  }

  /// Moves every carry up by one column: each is then below 2^kBits + 2^(64 - kBits), less than one
  /// product. The top column has none, the value is below R^2.
  [[gnu::noinline]] void settle(int first) {
    clear(2 * limbs_);
    const V mask = V::broadcast(kLimbMask<kBits>);
    for (int i = 2 * limbs_ - 1; i > first; --i) {
      column_[i] = (column_[i] & mask) + shift_right(column_[i - 1], kBits);
    }
    column_[first] = column_[first] & mask;
    pending_ = 1;
  }

  int limbs_;
  int used_ = 0;
  int pending_ = 0;
  V* column_;
  V memory_[3 * kCapacity];
};

}  // namespace pyfate::simd
