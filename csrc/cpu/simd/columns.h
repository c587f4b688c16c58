// SPDX-License-Identifier: Apache-2.0
// The columns of a double-length number: products are summed into them and reduced in them.
#pragma once

#include <cstdint>

#include "cpu/simd/carry.h"
#include "cpu/simd/strip.h"

namespace pyfate::simd {

/// 2 * limbs columns of 64 bits standing for sum of column[i] * 2^(kBits i) in each lane.
///
/// A column never overflows: `pending_` counts the products it may hold, and carries are moved on
/// before the count passes kMaxProducts (proof: docs/algorithms/base-n-montgomery.md).
template <typename V, int kBits, int kCapacity>
class Columns {
 public:
  /// Products that fit a column beside a carry and a limb: 2047 in two parts of 52 bits each, or
  /// 255 whole ones of 28-bit limbs.
  static constexpr int kMaxProducts = (1 << (V::kSplitProducts ? 63 - kBits : 64 - 2 * kBits)) - 1;

  explicit PYFATE_INLINE Columns(int limbs) : limbs_(limbs) {}

  PYFATE_INLINE void clear() {
    for (int i = 0; i < 2 * limbs_; ++i) column_[i] = V::zero();
    pending_ = 0;
  }

  /// += a * b
  PYFATE_INLINE void add_product(const V* a, const V* b) {
    for_each_strip([&]<int kWidth>(int first) {
      expect(kWidth, 0);
      accumulate_strip<kWidth>(column_ + first, a + first, b, limbs_);
    });
  }

  /// = a * a, given that the columns are clear: mixed products once, then twice, then the squares.
  PYFATE_INLINE void add_square(const V* a) {
    for_each_strip([&]<int kWidth>(int first) {
      const int next = first + kWidth;
      expect(kWidth, 0);
      accumulate_triangle<kWidth>(column_ + 2 * first, a + first);
      accumulate_strip<kWidth>(column_ + first + next, a + first, a + next, limbs_ - next);
    });
    twice();
    expect(1, 0);
    for (int i = 0; i < limbs_; ++i) {
      column_[2 * i] = add_product_low(column_[2 * i], a[i], a[i]);
      if constexpr (V::kSplitProducts) {
        column_[2 * i + 1] = add_product_high(column_[2 * i + 1], a[i], a[i]);
      }
    }
  }

  /// = K n - q for the q of the reduction before: limb by limb, (K n - (R - 1)) + (R - 1 - q).
  PYFATE_INLINE void start_from_complement(const std::uint64_t* complement) {
    const V ones = V::broadcast(kLimbMask<kBits>);
    for (int i = 0; i < limbs_; ++i) {
      column_[i] = V::broadcast(complement[i]) + (ones - column_[i]);
      column_[limbs_ + i] = V::zero();
    }
    pending_ = 0;
  }

  /// Montgomery reduction of the value T: upper() becomes the columns of r = (T + q n) / R, lower()
  /// the limbs of q = -T / n mod R.
  PYFATE_INLINE void reduce(const std::uint64_t* modulus, std::uint64_t negative_inverse) {
    for_each_strip([&]<int kWidth>(int first) {
      V* columns = column_ + first;
      expect(kWidth, first);
      reduce_diagonal<kBits, kWidth>(columns, modulus, negative_inverse);
      accumulate_strip<kWidth>(columns + kWidth, columns, modulus + kWidth, limbs_ - kWidth);
    });
  }

  PYFATE_INLINE const V* lower() const { return column_; }
  PYFATE_INLINE const V* upper() const { return column_ + limbs_; }

 private:
  /// *= 2
  PYFATE_INLINE void twice() {
    if (2 * pending_ > kMaxProducts) settle(0);
    pending_ *= 2;
    for (int i = 0; i < 2 * limbs_; ++i) column_[i] = column_[i] + column_[i];
  }

  /// Calls strip.operator()<width>(first) for strips that cover [0, limbs), the widest first. The
  /// narrowest width divides limbs.
  template <int kIndex = 0, typename Strip>
  PYFATE_INLINE void for_each_strip(Strip&& strip, int first = 0) {
    constexpr int kWidth = V::kWidths[kIndex];
    for (; first + kWidth <= limbs_; first += kWidth) strip.template operator()<kWidth>(first);
    if constexpr (kIndex + 1 < V::kWidthCount) for_each_strip<kIndex + 1>(strip, first);
  }

  /// Makes room for that many products in each column from `first` on.
  PYFATE_INLINE void expect(int products, int first) {
    if (pending_ + products > kMaxProducts) settle(first);
    pending_ += products;
  }

  /// Moves every carry up by one column: each is then below 2^kBits + 2^(64 - kBits), less than one
  /// product. The top column has none, the value is below R^2.
  [[gnu::noinline]] void settle(int first) {
    const V mask = V::broadcast(kLimbMask<kBits>);
    for (int i = 2 * limbs_ - 1; i > first; --i) {
      column_[i] = (column_[i] & mask) + shift_right(column_[i - 1], kBits);
    }
    column_[first] = column_[first] & mask;
    pending_ = 1;
  }

  int limbs_;
  int pending_ = 0;
  V column_[2 * kCapacity];
};

}  // namespace pyfate::simd
