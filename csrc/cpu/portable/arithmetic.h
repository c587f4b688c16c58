// SPDX-License-Identifier: Apache-2.0
// The limb engine every 64-bit CPU can run: one number at a time, 64-bit words, no spare bits.
//
// A residue mod n^2 is x0 + x1 * n with both halves below n, in Montgomery form for R = 2^(64 h).
// Products are summed column by column (Comba), so that the running sum stays in three registers
// and nothing but results is written. The formulas and bounds are proved in
// docs/algorithms/base-n-montgomery.md. No branch and no address depends on the value of a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cpu/portable/column.h"
#include "pyfate/modulus_constants.h"

namespace pyfate::portable {

/// N: words of a half, or 0 when the size is known at run time only.
template <int N>
class Arithmetic {
 public:
  static constexpr int kLanes = 1;
  static constexpr int kMaxWords = N != 0 ? N : 128;
  static constexpr int kMaxLimbs = kMaxWords;

  struct alignas(64) Number {
    std::uint64_t half[2][kMaxLimbs];
  };
  struct alignas(64) Half {
    std::uint64_t word[kMaxLimbs];
  };

  explicit Arithmetic(const ModulusConstants& constants)
      : size_(constants.limbs), negative_inverse_(constants.negative_inverse) {
    const std::size_t bytes = sizeof(std::uint64_t) * size();
    std::memcpy(n_, constants.n, bytes);
    std::memcpy(one_.half[0], constants.one_low, bytes);
    std::memcpy(one_.half[1], constants.one_high, bytes);
    std::memcpy(r_squared_.word, constants.r_squared_mod_n, bytes);
  }

  static int limbs_for(int bits) { return (bits + 63) / 64; }
  static constexpr int radix_bits() { return 64; }
  int words() const { return size(); }
  std::size_t stored_words() const { return 2 * static_cast<std::size_t>(size()); }

  void load(Number& out, const std::uint64_t* const rows[kLanes]) const {
    std::memcpy(out.half[0], rows[0], bytes());
    std::memcpy(out.half[1], rows[0] + size(), bytes());
  }
  void store(std::uint64_t* const rows[kLanes], const Number& a) const {
    std::memcpy(rows[0], a.half[0], bytes());
    std::memcpy(rows[0] + size(), a.half[1], bytes());
  }
  /// The low `words` words come from the row, the others are zero.
  void load_half(Half& out, const std::uint64_t* const rows[kLanes], int words) const {
    for (int i = 0; i < size(); ++i) out.word[i] = i < words ? rows[0][i] : 0;
  }
  void store_half(std::uint64_t* const rows[kLanes], const Half& a) const {
    std::memcpy(rows[0], a.word, bytes());
  }
  /// (half, 0)
  void widen(Number& out, const Half& a) const {
    std::memcpy(out.half[0], a.word, bytes());
    std::memset(out.half[1], 0, bytes());
  }
  void gather(Number& out, const std::uint64_t* const stored[kLanes]) const { load(out, stored); }
  void scatter(std::uint64_t* const stored[kLanes], const Number& a) const { store(stored, a); }

  void set_one(Number& out) const {
    std::memcpy(out.half[0], one_.half[0], bytes());
    std::memcpy(out.half[1], one_.half[1], bytes());
  }

  /// out = a * b / R mod n^2. Requires a.half[0] < R and the other halves < n, or all < n.
  void multiply(Number& out, const Number& a, const Number& b) const {
    std::uint64_t q[kMaxLimbs];
    Half low;
    const std::uint64_t wrapped = multiply_low(low.word, q, a.half[0], b.half[0]);
    cross(out.half[1], a, b, q, wrapped);
    std::memcpy(out.half[0], low.word, bytes());
  }

  /// out = a^2 / R mod n^2.
  void square(Number& out, const Number& a) const {
    std::uint64_t q[kMaxLimbs];
    Half low;
    const std::uint64_t wrapped = square_low(low.word, q, a.half[0]);
    cross_square(out.half[1], a, q, wrapped);
    std::memcpy(out.half[0], low.word, bytes());
  }

  /// out = a * b / R mod n. Requires a < R, b < n.
  void multiply_half(Half& out, const Half& a, const Half& b) const {
    std::uint64_t q[kMaxLimbs];
    Half result;
    multiply_low(result.word, q, a.word, b.word);
    std::memcpy(out.word, result.word, bytes());
  }

  /// c *= 1 + m n for m < R that is not in Montgomery form: c1 += c0 * m.
  void add_multiple(Number& c, const Half& m) const {
    Half lifted;
    Half low;
    multiply_half(lifted, m, r_squared_);
    std::memcpy(low.word, c.half[0], bytes());
    multiply_half(low, low, lifted);
    std::uint64_t carry = add_words(c.half[1], c.half[1], low.word);
    subtract_once(c.half[1], carry);
  }

  /// out = a + b mod n^2 in either form; halves below n.
  void add(Number& out, const Number& a, const Number& b) const {
    std::uint64_t carry = add_words(out.half[0], a.half[0], b.half[0]);
    const std::uint64_t wrapped = subtract_once(out.half[0], carry);
    carry = add_words(out.half[1], a.half[1], b.half[1]);
    carry += increment(out.half[1], wrapped);
    // 2 (n - 1) + 1 < 2 n
    subtract_once(out.half[1], carry);
  }

  /// out = table[index], reading every entry: the address trace is the same for each index.
  void scan(Number& out, const Number* table, int count, const std::uint64_t index[kLanes]) const {
    scan_entries(out, count, index[0],
                 [&](int entry, int side) { return table[entry].half[side]; });
  }
  /// The same for stored rows.
  void scan_stored(Number& out, const std::uint64_t* rows, int count,
                   const std::uint64_t index[kLanes]) const {
    scan_entries(out, count, index[0], [&](int entry, int side) {
      return rows + static_cast<std::size_t>(2 * entry + side) * size();
    });
  }

 private:
  /// half(entry, side) points to the words of a half.
  template <class GetHalf>
  void scan_entries(Number& out, int count, std::uint64_t index, GetHalf half) const {
    std::memset(out.half[0], 0, bytes());
    std::memset(out.half[1], 0, bytes());
    for (int entry = 0; entry < count; ++entry) {
      const std::uint64_t difference = static_cast<std::uint64_t>(entry) ^ index;
      const std::uint64_t mask =
          opaque(((difference | (0 - difference)) >> 63) - 1);  // all ones iff equal
      for (int side = 0; side < 2; ++side) {
        const std::uint64_t* words = half(entry, side);
        for (int i = 0; i < size(); ++i) out.half[side][i] |= words[i] & mask;
      }
    }
  }

  int size() const { return N != 0 ? N : size_; }
  std::size_t bytes() const { return sizeof(std::uint64_t) * static_cast<std::size_t>(size()); }

  /// Hides where a mask came from, so that the compiler cannot turn it into a branch.
  static std::uint64_t opaque(std::uint64_t mask) {
    __asm__("" : "+r"(mask));
    return mask;
  }

  std::uint64_t add_words(std::uint64_t* out, const std::uint64_t* a,
                          const std::uint64_t* b) const {
    unsigned __int128 carry = 0;
    for (int i = 0; i < size(); ++i) {
      carry += static_cast<unsigned __int128>(a[i]) + b[i];
      out[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    return static_cast<std::uint64_t>(carry);
  }

  std::uint64_t increment(std::uint64_t* out, std::uint64_t carry) const {
    for (int i = 0; i < size(); ++i) {
      const unsigned __int128 sum = static_cast<unsigned __int128>(out[i]) + carry;
      out[i] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
    return carry;
  }

  /// out = top * R + out - n when that is not negative; returns 1 when it subtracted.
  /// Precondition: top * R + out < R + n.
  std::uint64_t subtract_once(std::uint64_t* out, std::uint64_t& top) const {
    std::uint64_t reduced[kMaxLimbs];
    std::uint64_t borrow = 0;
    for (int i = 0; i < size(); ++i) {
      const unsigned __int128 difference = static_cast<unsigned __int128>(out[i]) - n_[i] - borrow;
      reduced[i] = static_cast<std::uint64_t>(difference);
      borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
    }
    // Negative exactly when the borrow is not covered by the top word.
    const std::uint64_t negative = borrow & static_cast<std::uint64_t>(top == 0);
    const std::uint64_t keep = opaque(0 - negative);
    for (int i = 0; i < size(); ++i) out[i] = (out[i] & keep) | (reduced[i] & ~keep);
    top -= borrow & (negative ^ 1);
    return negative ^ 1;
  }

  /// Montgomery reduction that hands over q: a * b = r * R - q * n, then r brought below n.
  /// Returns 1 when n was subtracted from r, which adds 1 to the upper half.
  PYFATE_NOINLINE std::uint64_t multiply_low(std::uint64_t* r, std::uint64_t* q,
                                             const std::uint64_t* a, const std::uint64_t* b) const {
    const int h = size();
    Column sum;
    for (int k = 0; k < h; ++k) {
      sum.add_products(k, a, b + k, q, n_ + k);
      sum.add_product(a[k], b[0]);
      finish_low_column(sum, q + k);
    }
    for (int first = 1; first <= h; ++first) {
      sum.add_products(h - first, a + first, b + h - 1, q + first, n_ + h - 1);
      r[first - 1] = sum.low();
      sum.shift();
    }
    std::uint64_t top = sum.low();
    return subtract_once(r, top);
  }

  /// The same for a = b: products off the diagonal are computed once and doubled.
  PYFATE_NOINLINE std::uint64_t square_low(std::uint64_t* r, std::uint64_t* q,
                                           const std::uint64_t* a) const {
    const int h = size();
    Column sum;
    for (int k = 0; k < h; ++k) {
      Column twice;
      add_square_column(sum, twice, k / 2, a, a + k, q, n_ + k);
      if (k % 2 != 0) {
        twice.add_product(a[k / 2], a[k / 2 + 1]);
        sum.add_product(q[k - 1], n_[1]);
      } else {
        sum.add_product(a[k / 2], a[k / 2]);
      }
      sum.add_twice(twice);
      finish_low_column(sum, q + k);
    }
    for (int first = 1; first <= h; ++first) {
      Column twice;
      const int count = h - first;
      add_square_column(sum, twice, count / 2, a + first, a + h - 1, q + first, n_ + h - 1);
      if (count % 2 != 0) {
        const int middle = first + count / 2;
        sum.add_product(a[middle], a[middle]);
        sum.add_product(q[h - 1], n_[first]);
      }
      sum.add_twice(twice);
      r[first - 1] = sum.low();
      sum.shift();
    }
    std::uint64_t top = sum.low();
    return subtract_once(r, top);
  }

  /// `pairs` products of a with itself into twice, and 2 * pairs products of q and n into sum.
  static void add_square_column(Column& sum, Column& twice, int pairs, const std::uint64_t* a,
                                const std::uint64_t* a_back, const std::uint64_t* q,
                                const std::uint64_t* n_back) {
    for (; pairs >= 4; pairs -= 4, a += 4, a_back -= 4, q += 8, n_back -= 8) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        twice.add_product(a[i], a_back[-i]);
        sum.add_product(q[2 * i], n_back[-2 * i]);
        sum.add_product(q[2 * i + 1], n_back[-2 * i - 1]);
      }
    }
    for (int i = 0; i < pairs; ++i) {
      twice.add_product(a[i], a_back[-i]);
      sum.add_product(q[2 * i], n_back[-2 * i]);
      sum.add_product(q[2 * i + 1], n_back[-2 * i - 1]);
    }
  }

  void finish_low_column(Column& sum, std::uint64_t* q) const {
    *q = sum.low() * negative_inverse_;
    sum.add_product(*q, n_[0]);
    sum.shift();
  }

  /// out = (a0 b1 + a1 b0 - q) / R + wrapped mod n. The numerator is above -R, and an integer
  /// above -1 is not negative, so no multiple of n has to be added first.
  PYFATE_NOINLINE void cross(std::uint64_t* out, const Number& a, const Number& b,
                             const std::uint64_t* q, std::uint64_t wrapped) const {
    const int h = size();
    std::uint64_t second[kMaxLimbs];
    std::uint64_t result[kMaxLimbs];
    Column sum;
    for (int k = 0; k < h; ++k) {
      sum.add_products(k, a.half[0], b.half[1] + k, a.half[1], b.half[0] + k, second, n_ + k);
      sum.add_product(a.half[0][k], b.half[1][0]);
      sum.add_product(a.half[1][k], b.half[0][0]);
      finish_cross_column(sum, q[k], second + k);
    }
    sum.add(wrapped);
    for (int first = 1; first <= h; ++first) {
      sum.add_products(h - first, a.half[0] + first, b.half[1] + h - 1, a.half[1] + first,
                       b.half[0] + h - 1, second + first, n_ + h - 1);
      result[first - 1] = sum.low();
      sum.shift_signed();
    }
    finish_cross(out, result, sum);
  }

  /// out = (2 a0 a1 - q) / R + wrapped mod n, with 2 a1 brought below n first.
  PYFATE_NOINLINE void cross_square(std::uint64_t* out, const Number& a, const std::uint64_t* q,
                                    std::uint64_t wrapped) const {
    const int h = size();
    std::uint64_t doubled[kMaxLimbs];
    std::uint64_t second[kMaxLimbs];
    std::uint64_t result[kMaxLimbs];
    std::uint64_t carry = add_words(doubled, a.half[1], a.half[1]);
    subtract_once(doubled, carry);
    Column sum;
    for (int k = 0; k < h; ++k) {
      sum.add_products(k, a.half[0], doubled + k, second, n_ + k);
      sum.add_product(a.half[0][k], doubled[0]);
      finish_cross_column(sum, q[k], second + k);
    }
    sum.add(wrapped);
    for (int first = 1; first <= h; ++first) {
      sum.add_products(h - first, a.half[0] + first, doubled + h - 1, second + first, n_ + h - 1);
      result[first - 1] = sum.low();
      sum.shift_signed();
    }
    finish_cross(out, result, sum);
  }

  void finish_cross_column(Column& sum, std::uint64_t q, std::uint64_t* second) const {
    sum.subtract(q);
    *second = sum.low() * negative_inverse_;
    sum.add_product(*second, n_[0]);
    sum.shift_signed();
  }

  /// Below (2 n^2 + R n) / R + 1 <= 3 n: two conditional subtractions.
  void finish_cross(std::uint64_t* out, std::uint64_t* result, const Column& sum) const {
    std::uint64_t top = sum.low();
    subtract_once(result, top);
    subtract_once(result, top);
    std::memcpy(out, result, bytes());
  }

  int size_;
  std::uint64_t negative_inverse_;
  alignas(64) std::uint64_t n_[kMaxLimbs];
  Number one_;
  Half r_squared_;
};

}  // namespace pyfate::portable
