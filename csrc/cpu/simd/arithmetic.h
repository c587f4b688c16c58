// SPDX-License-Identifier: Apache-2.0
// The limb engine of all vector instruction sets: one residue mod n^2 in each lane.
//
// A residue is x0 + x1 * n in Montgomery form for R = 2^(kBits limbs) >= 2^6 * 2^(64 words). The
// six spare bits keep results below n (1 + 1/8) without any conditional subtraction; only what
// leaves the lanes is brought below n. docs/algorithms/base-n-montgomery.md proves every bound
// named here. No branch and no address depends on the value of a number.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd/columns.h"
#include "cpu/simd/layout.h"
#include "pyfate/modulus_constants.h"

namespace pyfate::simd {

inline constexpr int kMaxModulusBits = 8192;

/// V: the vector operations of an instruction set. N: limbs of a half, 0 when known at run time.
///
/// Every operation takes numbers whose halves are below 3/2 n and leaves such numbers; limbs are
/// always below 2^kBits. Outputs may be inputs. Nothing that takes long is inlined: the generic
/// bodies would only multiply the code.
template <typename V, int kBits, int N>
class Arithmetic {
 public:
  static constexpr int kLanes = V::kLanes;

  static constexpr int radix_bits() { return kBits; }
  /// Limbs with at least 6 bits more than the packed words of the modulus.
  static constexpr int limbs_for(int modulus_bits) {
    const int bits = (modulus_bits + 63) / 64 * 64 + 6;
    constexpr int kGrain = V::kWidths[V::kWidthCount - 1];
    return (bits + kBits * kGrain - 1) / (kBits * kGrain) * kGrain;
  }

  static constexpr int kMaxLimbs = N != 0 ? N : limbs_for(kMaxModulusBits);
  static constexpr int kMaxWords = kMaxLimbs * kBits / 64;

  /// Limbs of the lower half, then of the upper one, up to whole blocks of kLanes.
  struct alignas(64) Number {
    V limb[(2 * kMaxLimbs + kLanes - 1) / kLanes * kLanes];
  };
  struct alignas(64) Half {
    V limb[kMaxLimbs];
  };
  /// A product of split numbers while it grows: (x0 + x1 n)(1 + l n / R), where l is the sum of
  /// `terms` logarithms, its limbs not yet carried.
  struct Running {
    Number value;
    Half logarithm;
    int terms;
  };

  explicit Arithmetic(const ModulusConstants& constants)
      : size_(constants.limbs),
        words_(constants.words),
        negative_inverse_(constants.negative_inverse) {
    std::uint64_t borrow = 0;
    for (int i = 0; i < size(); ++i) {
      n_[i] = constants.n[i];
      complement_[i] = constants.complement[i];
      one_[i] = constants.one_low[i];
      one_[size() + i] = constants.one_high[i];
      r_squared_[i] = constants.r_squared_mod_n[i];
      negated_[i] = (0 - n_[i] - borrow) & kLimbMask<kBits>;
      borrow = (n_[i] | borrow) != 0 ? 1 : 0;
    }
  }

  int words() const { return words_; }
  /// 64-bit words of a number in stored form: its limbs, two in a word where they fit.
  std::size_t stored_words() const { return static_cast<std::size_t>(stored_count()); }

  void load(Number& out, const std::uint64_t* const rows[kLanes]) const {
    load_packed(low(out), rows, 0, words_);
    load_packed(high(out), rows, words_, words_);
  }
  /// Writes both halves below n: taking n from the lower one adds 1 to the upper one.
  void store(std::uint64_t* const rows[kLanes], const Number& a) const {
    const V taken = store_reduced(rows, 0, low(a), V::zero());
    store_reduced(rows, words_, high(a), taken);
  }
  /// The low `words` words come from the row, the others are zero.
  void load_half(Half& out, const std::uint64_t* const rows[kLanes], int words) const {
    load_packed(out.limb, rows, 0, words < words_ ? words : words_);
  }
  void store_half(std::uint64_t* const rows[kLanes], const Half& a) const {
    store_reduced(rows, 0, a.limb, V::zero());
  }
  [[gnu::noinline]] void gather(Number& out, const std::uint64_t* const stored[kLanes]) const {
    if constexpr (kPaired) {
      V pairs[kPairCapacity];
      load_lanes(pairs, stored, 0, size());
      part(out, pairs);
    } else {
      load_lanes(out.limb, stored, 0, stored_count());
    }
  }
  [[gnu::noinline]] void scatter(std::uint64_t* const stored[kLanes], const Number& a) const {
    if constexpr (kPaired) {
      V pairs[kPairCapacity];
      for (int i = 0; i < size(); ++i) {
        pairs[i] = a.limb[2 * i] | shift_left(a.limb[2 * i + 1], 32);
      }
      store_lanes(stored, 0, pairs, size());
    } else {
      store_lanes(stored, 0, a.limb, stored_count());
    }
  }

  void set_one(Number& out) const {
    for (int i = 0; i < 2 * size(); ++i) out.limb[i] = V::broadcast(one_[i]);
  }
  /// (a, 0)
  void widen(Number& out, const Half& a) const {
    copy(low(out), a.limb, size());
    for (int i = 0; i < size(); ++i) high(out)[i] = V::zero();
  }

  /// out = a * b / R mod n^2. One factor may have halves up to 2^(64 words), if its upper one is 0.
  [[gnu::noinline]] void multiply(Number& out, const Number& a, const Number& b) const {
    Columns columns(size());
    columns.add_product(low(a), low(b));
    columns.reduce(n_, negative_inverse_);
    // a0 b0 = half R - q n, so the upper half is a0 b1 + a1 b0 - q, plus a multiple of n.
    columns.next_from_complement(complement_);
    columns.add_product(low(a), high(b));
    columns.add_product(high(a), low(b));
    columns.reduce(n_, negative_inverse_);
    normalise<kBits>(low(out), columns.first_upper(), V::zero(), size());
    normalise<kBits>(high(out), columns.upper(), V::zero(), size());
  }

  // Split numbers: (u, l) stands for u (1 + l n / R), as docs/algorithms/fixed-base-encryption.md
  // has them. u lies in the lower half, l in the upper one.

  /// a, a residue, as a split number; `inverse` is R^2 / a mod n.
  void split(Number& a, const Half& inverse) const {
    multiply_halves(high(a), high(a), inverse.limb);
  }
  /// out = a * b / R of split numbers; `inverse` is R^2 / out mod n. out is another than a and b.
  [[gnu::noinline]] void multiply_split(Number& out, const Number& a, const Number& b,
                                        const Half& inverse) const {
    Half carried;
    multiply_by_lower<false>(out, a, b);
    multiply_halves(carried.limb, high(out), inverse.limb);
    add_halves(high(out), high(a), high(b), V::zero());
    add_halves(high(out), high(out), carried.limb, V::zero());
  }
  /// running = a
  [[gnu::noinline]] void begin(Running& running, const Number& a) const {
    for (int i = 0; i < size(); ++i) {
      low(running.value)[i] = low(a)[i];
      high(running.value)[i] = V::zero();
      running.logarithm.limb[i] = high(a)[i];
    }
    running.terms = 1;
  }
  /// running *= a / R, for a split a.
  [[gnu::noinline]] void extend(Running& running, const Number& a) const {
    if (running.terms == most_terms()) join(running);
    multiply_by_lower<true>(running.value, running.value, a);
    for (int i = 0; i < size(); ++i) {
      running.logarithm.limb[i] = running.logarithm.limb[i] + high(a)[i];
    }
    ++running.terms;
  }
  /// The product so far, as a residue.
  const Number& finish(Running& running) const {
    join(running);
    return running.value;
  }

  /// out = a * a / R mod n^2.
  [[gnu::noinline]] void square(Number& out, const Number& a) const {
    Columns columns(size());
    Half doubled;
    columns.set_square(low(a));
    columns.reduce(n_, negative_inverse_);
    normalise_twice<kBits>(doubled.limb, high(a), size());
    columns.next_from_complement(complement_);
    columns.add_product(low(a), doubled.limb);
    columns.reduce(n_, negative_inverse_);
    normalise<kBits>(low(out), columns.first_upper(), V::zero(), size());
    normalise<kBits>(high(out), columns.upper(), V::zero(), size());
  }

  /// out = a * b / R mod n. One factor may be as large as 2^(64 words).
  void multiply_half(Half& out, const Half& a, const Half& b) const {
    multiply_halves(out.limb, a.limb, b.limb);
  }

  /// c *= 1 + m n for m < 2^(64 words) that is not in Montgomery form: c1 += c0 * m.
  [[gnu::noinline]] void add_multiple(Number& c, const Half& m) const {
    Half lifted;
    Half r_squared;
    for (int i = 0; i < size(); ++i) r_squared.limb[i] = V::broadcast(r_squared_[i]);
    multiply_halves(lifted.limb, m.limb, r_squared.limb);
    multiply_halves(lifted.limb, low(c), lifted.limb);
    add_halves(high(c), high(c), lifted.limb, V::zero());
  }

  /// out = a + b mod n^2.
  [[gnu::noinline]] void add(Number& out, const Number& a, const Number& b) const {
    const V carries = add_halves(low(out), low(a), low(b), V::zero());
    add_halves(high(out), high(a), high(b), carries);
  }

  /// out = table[index], reading every entry: the address trace is the same for each index.
  [[gnu::noinline]] void scan(Number& out, const Number* table, int count,
                              const std::uint64_t index[kLanes]) const {
    const V wanted = V::load(index);
    constexpr int kBlock = kLanes;  // divides the capacity of a number
    for (int base = 0; base < 2 * size(); base += kBlock) {
      V found[kBlock];
      for (int i = 0; i < kBlock; ++i) found[i] = V::zero();
      for (int entry = 0; entry < count; ++entry) {
        const V mask = equal(V::broadcast(static_cast<std::uint64_t>(entry)), wanted);
        for (int i = 0; i < kBlock; ++i) {
          found[i] = found[i] | (table[entry].limb[base + i] & mask);
        }
      }
      for (int i = 0; i < kBlock; ++i) out.limb[base + i] = found[i];
    }
  }

  /// out lane l = stored row index[l] of the `count` rows, reading every row.
  [[gnu::noinline]] void scan_stored(Number& out, const std::uint64_t* rows, int count,
                                     const std::uint64_t index[kLanes]) const {
    const V wanted = V::load(index);
    V words[kPaired ? kPairCapacity : 1];
    V* found = out.limb;
    if constexpr (kPaired) found = words;
    int i = 0;
    for (; i + kLanes <= stored_count(); i += kLanes) {
      scan_words<kLanes>(found + i, rows + i, count, wanted);
    }
    for (; i < stored_count(); ++i) scan_words<1>(found + i, rows + i, count, wanted);
    if constexpr (kPaired) part(out, words);
  }

 private:
  static constexpr bool kPaired = kBits <= 32;
  static constexpr int kPairCapacity = (kMaxLimbs + kLanes - 1) / kLanes * kLanes;
  /// The words that limbs reach, rounded up to whole vectors of a row.
  static constexpr int kWordCapacity = (kMaxLimbs * kBits + 63) / 64 + kLanes;

  using Columns = simd::Columns<V, kBits, kMaxLimbs>;

  PYFATE_INLINE int size() const { return N != 0 ? N : size_; }
  PYFATE_INLINE int stored_count() const { return kPaired ? size() : 2 * size(); }

  PYFATE_INLINE V* low(Number& a) const { return a.limb; }
  PYFATE_INLINE V* high(Number& a) const { return a.limb + size(); }
  PYFATE_INLINE const V* low(const Number& a) const { return a.limb; }
  PYFATE_INLINE const V* high(const Number& a) const { return a.limb + size(); }

  static PYFATE_INLINE void copy(V* out, const V* in, int count) {
    for (int i = 0; i < count; ++i) out[i] = in[i];
  }

  /// Limbs out of the words that hold two of them.
  PYFATE_INLINE void part(Number& out, const V* pairs) const {
    const V mask = V::broadcast(0xffffffff);
    for (int i = 0; i < size(); ++i) {
      out.limb[2 * i] = pairs[i] & mask;
      out.limb[2 * i + 1] = shift_right(pairs[i], 32);
    }
  }

  /// kCount words of the wanted row of each lane.
  template <int kCount>
  PYFATE_INLINE void scan_words(V* out, const std::uint64_t* rows, int count,
                                const V& wanted) const {
    V found[kCount];
    for (int i = 0; i < kCount; ++i) found[i] = V::zero();
    for (int entry = 0; entry < count; ++entry) {
      const V mask = equal(V::broadcast(static_cast<std::uint64_t>(entry)), wanted);
      const std::uint64_t* row = rows + static_cast<std::size_t>(entry) * stored_words();
      for (int i = 0; i < kCount; ++i) found[i] = found[i] | (V::broadcast(row[i]) & mask);
    }
    for (int i = 0; i < kCount; ++i) out[i] = found[i];
  }

  [[gnu::noinline]] void load_packed(V* limbs, const std::uint64_t* const* rows, int offset,
                                     int count) const {
    V words[kWordCapacity];
    load_lanes(words, rows, offset, count);
    for (int i = count; 64 * i < kBits * size(); ++i) words[i] = V::zero();
    split_words<kBits>(limbs, words, size());
  }
  /// Writes a half plus the carry, less n where that is n or more; returns how often n was taken.
  [[gnu::noinline]] V store_reduced(std::uint64_t* const* rows, int offset, const V* limbs,
                                    const V& carry) const {
    Half half;
    const V taken = subtract_modulus<kBits>(half.limb, limbs, carry, negated_, size());
    V words[kWordCapacity];
    join_limbs<kBits>(words, half.limb, words_);
    for (int i = words_; i % kLanes != 0; ++i) words[i] = V::zero();
    store_lanes(rows, offset, words, words_);
    return taken;
  }

  [[gnu::noinline]] void multiply_halves(V* out, const V* a, const V* b) const {
    Columns columns(size());
    columns.add_product(a, b);
    columns.reduce(n_, negative_inverse_);
    normalise<kBits>(out, columns.upper(), V::zero(), size());
  }

  /// out = a * (the lower half of b) / R mod n^2, for a without an upper half if not kUpper.
  template <bool kUpper>
  PYFATE_INLINE void multiply_by_lower(Number& out, const Number& a, const Number& b) const {
    Columns columns(size());
    columns.add_product(low(a), low(b));
    columns.reduce(n_, negative_inverse_);
    columns.next_from_complement(complement_);
    if constexpr (kUpper) columns.add_product(high(a), low(b));
    columns.reduce(n_, negative_inverse_);
    normalise<kBits>(low(out), columns.first_upper(), V::zero(), size());
    normalise<kBits>(high(out), columns.upper(), V::zero(), size());
  }

  /// So many logarithms, each below 3/2 n, add up to less than R / 5, and to columns that hold
  /// them.
  PYFATE_INLINE int most_terms() const {
    const int spare = kBits * size() - 64 * words_ - 3;
    return 1 << (spare < 10 ? spare : 10);
  }
  /// Multiplies the sum of logarithms into the upper half.
  [[gnu::noinline]] void join(Running& running) const {
    V* sum = running.logarithm.limb;
    normalise<kBits>(sum, sum, V::zero(), size());
    multiply_halves(sum, low(running.value), sum);
    add_halves(high(running.value), high(running.value), sum, V::zero());
    for (int i = 0; i < size(); ++i) sum[i] = V::zero();
    running.terms = 0;
  }

  /// out = a + b + carry, at most n + 2 for a carry of 2; returns how often n was taken off.
  PYFATE_INLINE V add_halves(V* out, const V* a, const V* b, const V& carry) const {
    for (int i = 0; i < size(); ++i) out[i] = a[i] + b[i];
    const V first = subtract_modulus<kBits>(out, out, carry, negated_, size());
    const V second = subtract_modulus<kBits>(out, out, V::zero(), negated_, size());
    return first + second;
  }

  int size_;
  int words_;
  std::uint64_t negative_inverse_;
  alignas(64) std::uint64_t n_[kMaxLimbs];
  std::uint64_t complement_[kMaxLimbs];
  std::uint64_t negated_[kMaxLimbs];  ///< R - n
  std::uint64_t one_[2 * kMaxLimbs];
  std::uint64_t r_squared_[kMaxLimbs];
};

}  // namespace pyfate::simd
