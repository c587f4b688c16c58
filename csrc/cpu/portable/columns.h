// SPDX-License-Identifier: Apache-2.0
// Products of halves column by column (Comba), so that the running sum stays in three registers and
// nothing but results is written: for every 64-bit processor.
#pragma once

#include <concepts>
#include <cstdint>

#include "cpu/portable/column.h"
#include "cpu/portable/operands.h"

namespace pyfate::portable {

/// N: words of a half, or 0 when the size is known at run time only. Everywhere `wide` is 2 h
/// words, and the words above them are returned.
template <int N>
class Columns {
 public:
  static constexpr bool by_rows(int /*size*/) { return false; }

  /// wide = q, then r, of a * b = r * R - q * n.
  PYFATE_NOINLINE static std::uint64_t multiply(std::uint64_t* wide, const std::uint64_t* a,
                                                const std::uint64_t* b,
                                                const HalfModulus& modulus) {
    const int h = words(modulus);
    const std::uint64_t* n = modulus.n;
    std::uint64_t* q = wide;
    Column sum;
    for (int k = 0; k < h; ++k) {
      sum.add_products(k, Factors{a, b + k}, Factors{q, n + k});
      sum.add_product(a[k], b[0]);
      finish_low_column(sum, q + k, modulus);
    }
    for (int first = 1; first <= h; ++first) {
      sum.add_products(h - first, Factors{a + first, b + h - 1}, Factors{q + first, n + h - 1});
      wide[h + first - 1] = sum.low();
      sum.shift();
    }
    return sum.low();
  }

  /// The same for a = b: products off the diagonal are computed once and doubled.
  PYFATE_NOINLINE static std::uint64_t square(std::uint64_t* wide, const std::uint64_t* a,
                                              const HalfModulus& modulus) {
    const int h = words(modulus);
    const std::uint64_t* n = modulus.n;
    std::uint64_t* q = wide;
    Column sum;
    for (int k = 0; k < h; ++k) {
      Column twice;
      add_square_column(sum, twice, k / 2, a, a + k, q, n + k);
      if (k % 2 != 0) {
        twice.add_product(a[k / 2], a[k / 2 + 1]);
        sum.add_product(q[k - 1], n[1]);
      } else {
        sum.add_product(a[k / 2], a[k / 2]);
      }
      sum.add_twice(twice);
      finish_low_column(sum, q + k, modulus);
    }
    for (int first = 1; first <= h; ++first) {
      Column twice;
      const int count = h - first;
      add_square_column(sum, twice, count / 2, a + first, a + h - 1, q + first, n + h - 1);
      if (count % 2 != 0) {
        const int middle = first + count / 2;
        sum.add_product(a[middle], a[middle]);
        sum.add_product(q[h - 1], n[first]);
      }
      sum.add_twice(twice);
      wide[h + first - 1] = sum.low();
      sum.shift();
    }
    return sum.low();
  }

  /// The upper half of wide = (sum of a * b - q) / R + wrapped.
  template <std::same_as<Factors>... Each>
  PYFATE_NOINLINE static std::uint64_t cross(std::uint64_t* wide, const std::uint64_t* q,
                                             std::uint64_t wrapped, const HalfModulus& modulus,
                                             Each... factors) {
    const int h = words(modulus);
    const std::uint64_t* n = modulus.n;
    std::uint64_t* second = wide;
    Column sum;
    for (int k = 0; k < h; ++k) {
      sum.add_products(k, Factors{factors.a, factors.b + k}..., Factors{second, n + k});
      (sum.add_product(factors.a[k], factors.b[0]), ...);
      finish_cross_column(sum, q[k], second + k, modulus);
    }
    sum.add(wrapped);
    for (int first = 1; first <= h; ++first) {
      sum.add_products(h - first, Factors{factors.a + first, factors.b + h - 1}...,
                       Factors{second + first, n + h - 1});
      wide[h + first - 1] = sum.low();
      sum.shift_signed();
    }
    return sum.low();
  }

 private:
  static int words(const HalfModulus& modulus) { return N != 0 ? N : modulus.size; }

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

  static void finish_low_column(Column& sum, std::uint64_t* q, const HalfModulus& modulus) {
    *q = sum.low() * modulus.negative_inverse;
    sum.add_product(*q, modulus.n[0]);
    sum.shift();
  }

  static void finish_cross_column(Column& sum, std::uint64_t q, std::uint64_t* second,
                                  const HalfModulus& modulus) {
    sum.subtract(q);
    *second = sum.low() * modulus.negative_inverse;
    sum.add_product(*second, modulus.n[0]);
    sum.shift_signed();
  }
};

}  // namespace pyfate::portable
