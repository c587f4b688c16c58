// SPDX-License-Identifier: Apache-2.0
// Products of halves row by row, with MULX, ADCX and ADOX: for processors that have BMI2 and ADX.
//
//              b[0]  b[1]  b[2]  ...        step j adds a[i] * b[j] to column i + j. The columns
//     a[0]      x     x     x               j .. j + 7 are a window of registers that slides up
//     a[1]      x     x     x               by one column a step. Lower words of products are
//      ..                                   added in one chain of carries, upper words in another.
//
// Two additions for each product, where a column's running sum takes three (columns.h).
#pragma once

#include <concepts>
#include <cstdint>

#include "cpu/portable/operands.h"

namespace pyfate::portable {

#if defined(__x86_64__)

/// Sizes of halves are multiples of kWidth. Everywhere `wide` is 2 h words, and the words above
/// them are returned.
class Rows {
 public:
  static constexpr int kWidth = 8;
  static constexpr bool by_rows(int /*size*/) { return true; }

  /// wide = q, then r, of a * b = r * R - q * n.
  [[gnu::noinline]] static std::uint64_t multiply(std::uint64_t* wide, const std::uint64_t* a,
                                                  const std::uint64_t* b,
                                                  const HalfModulus& modulus) {
    const int h = modulus.size;
    for (int i = 0; i < 2 * h; ++i) wide[i] = 0;
    add_all(wide, a, b, h);
    return reduce(wide, 0, modulus);
  }

  /// The same for a = b: products off the diagonal of strips are computed once and doubled.
  [[gnu::noinline]] static std::uint64_t square(std::uint64_t* wide, const std::uint64_t* a,
                                                const HalfModulus& modulus) {
    const int h = modulus.size;
    for (int i = 0; i < 2 * h; ++i) wide[i] = 0;
    for (int first = 0; first + kWidth < h; first += kWidth) {
      const int next = first + kWidth;
      add_strip(wide + first + next, a + first, a + next, h - next, 0, 0);
    }
    for (int i = 2 * h - 1; i > 0; --i) wide[i] = wide[i] << 1 | wide[i - 1] >> 63;
    std::uint64_t carry = 0;
    for (int first = 0; first < h; first += kWidth) {
      carry = add_strip(wide + 2 * first, a + first, a + first, kWidth, carry, 0);
    }
    return reduce(wide, 0, modulus);
  }

  /// The upper half of wide = (sum of a * b - q) / R + wrapped, not negative.
  template <std::same_as<Factors>... Each>
  [[gnu::noinline]] static std::uint64_t cross(std::uint64_t* wide, const std::uint64_t* q,
                                               std::uint64_t wrapped, const HalfModulus& modulus,
                                               Each... factors) {
    std::uint64_t top = set_complement(wide, q, wrapped, modulus.size);
    ((top += add_all(wide, factors.a, factors.b, modulus.size)), ...);
    return top + reduce(wide, 1, modulus);
  }

 private:
  /// wide = -q - 1 + wrapped * R in two's complement; `reduce` adds the 1.
  static std::uint64_t set_complement(std::uint64_t* wide, const std::uint64_t* q,
                                      std::uint64_t wrapped, int h) {
    for (int i = 0; i < h; ++i) {
      wide[i] = ~q[i];
      wide[h + i] = wrapped - 1;
    }
    return wrapped - 1;
  }

  /// wide += a * b; returns the carry.
  static std::uint64_t add_all(std::uint64_t* wide, const std::uint64_t* a, const std::uint64_t* b,
                               int h) {
    std::uint64_t carry = 0;
    for (int i = 0; i < h; i += kWidth) carry = add_strip(wide + i, a + i, b, h, 0, carry);
    return carry;
  }

  /// wide = q, then (wide + low + q n) / R; returns the carry.
  static std::uint64_t reduce(std::uint64_t* wide, std::uint64_t low, const HalfModulus& modulus) {
    std::uint64_t carry = 0;
    for (int i = 0; i < modulus.size; i += kWidth) {
      carry = reduce_strip(wide + i, i == 0 ? low : 0, carry, modulus);
    }
    return carry;
  }

  /// column[0, count + kWidth) += a[0, kWidth) * b[0, count) + low + high * 2^(64 count); returns
  /// the carry. Precondition: kWidth divides count.
  [[gnu::noinline]] static std::uint64_t add_strip(std::uint64_t* column, const std::uint64_t* a,
                                                   const std::uint64_t* b, int count,
                                                   std::uint64_t low, std::uint64_t high) {
    std::uint64_t window[kWidth] = {low};
    for (int j = 0; j < count; j += kWidth) add_turn(window, column + j, a, b + j);
    return add_window(window, column + count, high);
  }

  /// Clears column[0, kWidth) by a multiple of n and writes its words, the quotient, in their
  /// place: column[0, h + kWidth) += quotient * n + low + high * R; returns the carry.
  [[gnu::noinline]] static std::uint64_t reduce_strip(std::uint64_t* column, std::uint64_t low,
                                                      std::uint64_t high,
                                                      const HalfModulus& modulus) {
    std::uint64_t window[kWidth] = {low};
    clear_turn(window, column, modulus);
    for (int j = kWidth; j < modulus.size; j += kWidth) {
      add_turn(window, column + j, column, modulus.n + j);
    }
    return add_window(window, column + modulus.size, high);
  }

  /// kWidth steps.
  template <int kStep = 0>
  [[gnu::always_inline]] static inline void add_turn(std::uint64_t (&window)[kWidth],
                                                     std::uint64_t* column, const std::uint64_t* a,
                                                     const std::uint64_t* b) {
    step<kStep>(window, column + kStep, a, b[kStep]);
    if constexpr (kStep + 1 < kWidth) add_turn<kStep + 1>(window, column, a, b);
  }

  /// The same with the multiples of n that clear the columns.
  template <int kStep = 0>
  [[gnu::always_inline]] static inline void clear_turn(std::uint64_t (&window)[kWidth],
                                                       std::uint64_t* column,
                                                       const HalfModulus& modulus) {
    const std::uint64_t quotient = (window[kStep] + column[kStep]) * modulus.negative_inverse;
    step<kStep>(window, column + kStep, modulus.n, quotient);
    column[kStep] = quotient;
    if constexpr (kStep + 1 < kWidth) clear_turn<kStep + 1>(window, column, modulus);
  }

  /// window += a[0, kWidth) * b + column. Its lowest word leaves for the column, and its register
  /// takes the new highest one: no carry comes out of that, 2^64 - 1 twice fit on top of a product.
  template <int kFirst>
  [[gnu::always_inline]] static inline void step(std::uint64_t (&window)[kWidth],
                                                 std::uint64_t* column, const std::uint64_t* a,
                                                 std::uint64_t b) {
    std::uint64_t low;
    std::uint64_t high;
    __asm__(
        "xorl %k[low], %k[low]\n\t"  // clears both carries
        "adoxq %[column], %[w0]\n\t"
        "mulxq (%[a]), %[low], %[high]\n\tadcxq %[low], %[w0]\n\tadoxq %[high], %[w1]\n\t"
        "mulxq 8(%[a]), %[low], %[high]\n\tadcxq %[low], %[w1]\n\tadoxq %[high], %[w2]\n\t"
        "mulxq 16(%[a]), %[low], %[high]\n\tadcxq %[low], %[w2]\n\tadoxq %[high], %[w3]\n\t"
        "mulxq 24(%[a]), %[low], %[high]\n\tadcxq %[low], %[w3]\n\tadoxq %[high], %[w4]\n\t"
        "mulxq 32(%[a]), %[low], %[high]\n\tadcxq %[low], %[w4]\n\tadoxq %[high], %[w5]\n\t"
        "mulxq 40(%[a]), %[low], %[high]\n\tadcxq %[low], %[w5]\n\tadoxq %[high], %[w6]\n\t"
        "mulxq 48(%[a]), %[low], %[high]\n\tadcxq %[low], %[w6]\n\tadoxq %[high], %[w7]\n\t"
        "movq %[w0], %[column]\n\t"
        "mulxq 56(%[a]), %[low], %[w0]\n\tadcxq %[low], %[w7]\n\t"
        "adoxq %[zero], %[w0]\n\tadcxq %[zero], %[w0]"
        : [low] "=&r"(low), [high] "=&r"(high), [column] "+m"(*column), [w0] "+&r"(window[kFirst]),
          [w1] "+&r"(window[(kFirst + 1) % kWidth]), [w2] "+&r"(window[(kFirst + 2) % kWidth]),
          [w3] "+&r"(window[(kFirst + 3) % kWidth]), [w4] "+&r"(window[(kFirst + 4) % kWidth]),
          [w5] "+&r"(window[(kFirst + 5) % kWidth]), [w6] "+&r"(window[(kFirst + 6) % kWidth]),
          [w7] "+&r"(window[(kFirst + 7) % kWidth])
        : [a] "r"(a), "d"(b), [zero] "m"(kZero),
          "m"(*reinterpret_cast<const std::uint64_t (*)[kWidth]>(a))
        : "cc");
  }

  /// column[0, kWidth) += window + carry; returns the carry out.
  [[gnu::always_inline]] static inline std::uint64_t add_window(
      const std::uint64_t (&window)[kWidth], std::uint64_t* column, std::uint64_t carry) {
    __asm__(
        "addq $-1, %[carry]\n\t"  // into the carry flag
        "adcq %[w0], (%[column])\n\tadcq %[w1], 8(%[column])\n\t"
        "adcq %[w2], 16(%[column])\n\tadcq %[w3], 24(%[column])\n\t"
        "adcq %[w4], 32(%[column])\n\tadcq %[w5], 40(%[column])\n\t"
        "adcq %[w6], 48(%[column])\n\tadcq %[w7], 56(%[column])\n\t"
        "movl $0, %k[carry]\n\tadcq $0, %[carry]"
        : [carry] "+&r"(carry), "+m"(*reinterpret_cast<std::uint64_t (*)[kWidth]>(column))
        : [column] "r"(column), [w0] "r"(window[0]), [w1] "r"(window[1]), [w2] "r"(window[2]),
          [w3] "r"(window[3]), [w4] "r"(window[4]), [w5] "r"(window[5]), [w6] "r"(window[6]),
          [w7] "r"(window[7])
        : "cc");
    return carry;
  }

  static constexpr std::uint64_t kZero = 0;
};

#endif

}  // namespace pyfate::portable
