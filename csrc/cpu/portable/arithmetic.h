// SPDX-License-Identifier: Apache-2.0
// The limb engine every 64-bit CPU can run: one number at a time, 64-bit words, no spare bits.
//
// A residue mod n^2 is x0 + x1 * n with both halves below n, in Montgomery form for R = 2^(64 h).
// Products are summed column by column (columns.h), or row by row where the processor has two
// chains of carries (rows.h). The formulas and bounds are proved in
// docs/algorithms/base-n-montgomery.md. No branch and no address depends on the value of a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cpu/portable/products.h"
#include "cpu/portable/words.h"
#include "pyfate/modulus_constants.h"

namespace pyfate::portable {

/// N: words of a half, or 0 when the size is known at run time only. Products: Chosen, or in tests
/// Columns<N> or Rows.
template <int N, class Products = Chosen<N>>
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
  /// A product of split numbers while it grows: (x0 + x1 n)(1 + l n / R).
  struct Running {
    Number value;
    Half logarithm;
  };

  explicit Arithmetic(const ModulusConstants& constants)
      : size_(constants.limbs),
        by_rows_(Products::by_rows(constants.limbs)),
        negative_inverse_(constants.negative_inverse) {
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
  [[gnu::noinline]] void multiply(Number& out, const Number& a, const Number& b) const {
    std::uint64_t first[2 * kMaxLimbs];
    std::uint64_t second[2 * kMaxLimbs];
    std::uint64_t top = Products::multiply(first, a.half[0], b.half[0], modulus());
    // a0 b0 = r R - q n; n taken from r adds 1 to the upper half.
    const std::uint64_t wrapped = subtract_once(first + size(), top);
    top = Products::cross(second, first, wrapped, modulus(), Factors{a.half[0], b.half[1]},
                          Factors{a.half[1], b.half[0]});
    // Below 3 n.
    subtract_once(second + size(), top);
    subtract_once(second + size(), top);
    join(out, first + size(), second + size());
  }

  // Split numbers: (u, l) stands for u (1 + l n / R), as docs/algorithms/fixed-base-encryption.md
  // has them. u is the lower half, l the upper one.

  /// a, a residue, as a split number; `inverse` is R^2 / a mod n.
  void split(Number& a, const Half& inverse) const {
    multiply_words(a.half[1], a.half[1], inverse.word);
  }
  /// out = a * b / R of split numbers; `inverse` is R^2 / out mod n. out is another than a and b.
  void multiply_split(Number& out, const Number& a, const Number& b, const Half& inverse) const {
    multiply_by_lower(out, a, b);
    multiply_words(out.half[1], out.half[1], inverse.word);
    add_words_mod(out.half[1], out.half[1], a.half[1]);
    add_words_mod(out.half[1], out.half[1], b.half[1]);
  }
  /// running = a
  void begin(Running& running, const Number& a) const {
    std::memcpy(running.value.half[0], a.half[0], bytes());
    std::memset(running.value.half[1], 0, bytes());
    std::memcpy(running.logarithm.word, a.half[1], bytes());
  }
  /// running *= a / R, for a split a.
  void extend(Running& running, const Number& a) const {
    multiply_by_lower(running.value, running.value, a, Factors{running.value.half[1], a.half[0]});
    add_words_mod(running.logarithm.word, running.logarithm.word, a.half[1]);
  }
  /// The product so far, as a residue.
  const Number& finish(Running& running) const {
    std::uint64_t* sum = running.logarithm.word;
    multiply_words(sum, running.value.half[0], sum);
    add_words_mod(running.value.half[1], running.value.half[1], sum);
    std::memset(sum, 0, bytes());
    return running.value;
  }

  /// out = a^2 / R mod n^2.
  [[gnu::noinline]] void square(Number& out, const Number& a) const {
    std::uint64_t first[2 * kMaxLimbs];
    std::uint64_t second[2 * kMaxLimbs];
    std::uint64_t doubled[kMaxLimbs];
    std::uint64_t top = Products::square(first, a.half[0], modulus());
    const std::uint64_t wrapped = subtract_once(first + size(), top);
    top = add_words(doubled, a.half[1], a.half[1], size());
    subtract_once(doubled, top);
    top = Products::cross(second, first, wrapped, modulus(), Factors{a.half[0], doubled});
    // Below 2 n, with one product instead of two.
    subtract_once(second + size(), top);
    join(out, first + size(), second + size());
  }

  /// out = a * b / R mod n. Requires a < R, b < n.
  void multiply_half(Half& out, const Half& a, const Half& b) const {
    multiply_words(out.word, a.word, b.word);
  }

  /// c *= 1 + m n for m < R that is not in Montgomery form: c1 += c0 * m.
  void add_multiple(Number& c, const Half& m) const {
    Half lifted;
    Half low;
    multiply_half(lifted, m, r_squared_);
    std::memcpy(low.word, c.half[0], bytes());
    multiply_half(low, low, lifted);
    std::uint64_t carry = add_words(c.half[1], c.half[1], low.word, size());
    subtract_once(c.half[1], carry);
  }

  /// out = a + b mod n^2 in either form; halves below n.
  void add(Number& out, const Number& a, const Number& b) const {
    std::uint64_t carry = add_words(out.half[0], a.half[0], b.half[0], size());
    const std::uint64_t wrapped = subtract_once(out.half[0], carry);
    carry = add_words(out.half[1], a.half[1], b.half[1], size(), wrapped);
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
  HalfModulus modulus() const { return {n_, negative_inverse_, size(), by_rows_}; }
  std::size_t bytes() const { return sizeof(std::uint64_t) * static_cast<std::size_t>(size()); }

  [[gnu::noinline]] void multiply_words(std::uint64_t* out, const std::uint64_t* a,
                                        const std::uint64_t* b) const {
    std::uint64_t wide[2 * kMaxLimbs];
    std::uint64_t top = Products::multiply(wide, a, b, modulus());
    subtract_once(wide + size(), top);
    std::memcpy(out, wide + size(), bytes());
  }
  /// out = a + b mod n, all below n.
  void add_words_mod(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b) const {
    std::uint64_t carry = add_words(out, a, b, size());
    subtract_once(out, carry);
  }
  /// out = a * (the lower half of b) / R mod n^2; `upper` is the product with a's upper half,
  /// unless that is 0.
  template <std::same_as<Factors>... Upper>
  [[gnu::noinline]] void multiply_by_lower(Number& out, const Number& a, const Number& b,
                                           Upper... upper) const {
    std::uint64_t first[2 * kMaxLimbs];
    std::uint64_t second[2 * kMaxLimbs];
    std::uint64_t top = Products::multiply(first, a.half[0], b.half[0], modulus());
    const std::uint64_t wrapped = subtract_once(first + size(), top);
    top = Products::cross(second, first, wrapped, modulus(), upper...);
    // Below 2 n, as of a square.
    subtract_once(second + size(), top);
    join(out, first + size(), second + size());
  }

  /// Hides where a mask came from, so that the compiler cannot turn it into a branch.
  static std::uint64_t opaque(std::uint64_t mask) {
    __asm__("" : "+r"(mask));
    return mask;
  }

  /// top * R + out -= n when that is not negative; returns 1 when it subtracted.
  std::uint64_t subtract_once(std::uint64_t* out, std::uint64_t& top) const {
    std::uint64_t reduced[kMaxLimbs];
    top -= subtract_words(reduced, out, n_, size());
    const std::uint64_t keep = opaque(0 - (top >> 63));  // all ones iff negative
    for (int i = 0; i < size(); ++i) out[i] = (out[i] & keep) | (reduced[i] & ~keep);
    top -= keep;
    return keep + 1;
  }

  void join(Number& out, const std::uint64_t* low, const std::uint64_t* high) const {
    std::memcpy(out.half[0], low, bytes());
    std::memcpy(out.half[1], high, bytes());
  }

  int size_;
  bool by_rows_;
  std::uint64_t negative_inverse_;
  alignas(64) std::uint64_t n_[kMaxLimbs];
  Number one_;
  Half r_squared_;
};

}  // namespace pyfate::portable
