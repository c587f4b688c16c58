// SPDX-License-Identifier: Apache-2.0
// The running sum of one column of a long product, 192 bits in three registers.
#pragma once

#include <concepts>
#include <cstdint>

#include "cpu/portable/operands.h"

// Long loops keep their registers to themselves: inlined into a caller they spill, and take 1.4
// times as long.
#define PYFATE_NOINLINE __attribute__((noinline))

namespace pyfate::portable {

/// At most 2^64 products may be added before a shift. Signed after `subtract`.
class Column {
 public:
  std::uint64_t low() const { return low_; }
  std::uint64_t middle() const { return middle_; }

  void add_product(std::uint64_t a, std::uint64_t b) {
#if defined(__x86_64__) && defined(__GNUC__)
    // Four baseline instructions; compilers make about eight out of the lines below.
    std::uint64_t high;
    __asm__("mulq %[b]\n\taddq %%rax, %[low]\n\tadcq %%rdx, %[middle]\n\tadcq $0, %[high]"
            : [low] "+r"(low_), [middle] "+r"(middle_), [high] "+r"(high_), "+a"(a), "=&d"(high)
            : [b] "rm"(b)
            : "cc");
#else
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    unsigned __int128 sum =
        static_cast<unsigned __int128>(low_) + static_cast<std::uint64_t>(product);
    low_ = static_cast<std::uint64_t>(sum);
    sum = static_cast<unsigned __int128>(middle_) + static_cast<std::uint64_t>(product >> 64) +
          static_cast<std::uint64_t>(sum >> 64);
    middle_ = static_cast<std::uint64_t>(sum);
    high_ += static_cast<std::uint64_t>(sum >> 64);
#endif
  }

  /// Adds a[0] * b[0] + a[1] * b[-1] + ... of all factors, `count` products each: b runs backwards.
  /// Blocks of eight keep the loop counts of eight columns in a row alike, so that their branches
  /// are predicted.
  template <std::same_as<Factors>... Each>
  void add_products(int count, Each... factors) {
    for (; count >= 8; count -= 8) {
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) (add_product(factors.a[i], factors.b[-i]), ...);
      ((factors.a += 8, factors.b -= 8), ...);
    }
    for (int i = 0; i < count; ++i) (add_product(factors.a[i], factors.b[-i]), ...);
  }

  // Carries come out of 128-bit sums: of comparisons the compiler makes branches.
  void add(std::uint64_t value) { add_column(value, 0, 0); }
  void subtract(std::uint64_t value) {
    unsigned __int128 difference = static_cast<unsigned __int128>(low_) - value;
    low_ = static_cast<std::uint64_t>(difference);
    difference = static_cast<unsigned __int128>(middle_) -
                 (static_cast<std::uint64_t>(difference >> 64) & 1);
    middle_ = static_cast<std::uint64_t>(difference);
    high_ -= static_cast<std::uint64_t>(difference >> 64) & 1;
  }
  /// Adds 2 * other. Precondition: other is not negative and below 2^191.
  void add_twice(const Column& other) {
    add_column(other.low_ << 1, other.middle_ << 1 | other.low_ >> 63,
               other.high_ << 1 | other.middle_ >> 63);
  }

  /// Divides by 2^64; the low word is dropped.
  void shift() {
    low_ = middle_;
    middle_ = high_;
    high_ = 0;
  }
  void shift_signed() {
    low_ = middle_;
    middle_ = high_;
    high_ = 0 - (high_ >> 63);
  }

 private:
  void add_column(std::uint64_t low, std::uint64_t middle, std::uint64_t high) {
    unsigned __int128 sum = static_cast<unsigned __int128>(low_) + low;
    low_ = static_cast<std::uint64_t>(sum);
    sum = static_cast<unsigned __int128>(middle_) + middle + static_cast<std::uint64_t>(sum >> 64);
    middle_ = static_cast<std::uint64_t>(sum);
    high_ += high + static_cast<std::uint64_t>(sum >> 64);
  }

  std::uint64_t low_ = 0;
  std::uint64_t middle_ = 0;
  std::uint64_t high_ = 0;
};

}  // namespace pyfate::portable
