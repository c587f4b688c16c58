// SPDX-License-Identifier: Apache-2.0
// Scalar non-negative integers of any size for setting up moduli. Clarity first: nothing here runs
// once per ciphertext. They live in memory for secrets, since p and q are among them.
// Everything takes variable time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bigint/secure_memory.h"

namespace pyfate {

class Integer {
 public:
  Integer() = default;
  Integer(std::uint64_t value);  // NOLINT: numbers convert

  static Integer from_words(const std::uint64_t* words, std::size_t count);
  static Integer from_bytes(const unsigned char* bytes, std::size_t count);
  static Integer power_of_two(int exponent);

  /// The lowest `count` words; higher ones must be zero or are lost on purpose.
  void to_words(std::uint64_t* words, std::size_t count) const;
  /// Digits in radix 2^radix_bits, radix_bits <= 64.
  SecretWords to_limbs(int radix_bits, int count) const;

  int bits() const;
  bool is_zero() const { return limbs_.empty(); }
  bool is_odd() const { return !limbs_.empty() && (limbs_[0] & 1) != 0; }
  std::uint64_t low_word() const;

  /// -1, 0 or 1.
  int compare(const Integer& other) const;

  Integer operator+(const Integer& other) const;
  /// Precondition: other <= *this.
  Integer operator-(const Integer& other) const;
  Integer operator*(const Integer& other) const;
  Integer operator<<(int count) const;
  Integer operator>>(int count) const;
  Integer operator/(const Integer& divisor) const;
  Integer operator%(const Integer& divisor) const;

  bool operator==(const Integer& other) const { return compare(other) == 0; }
  bool operator<(const Integer& other) const { return compare(other) < 0; }
  bool operator>(const Integer& other) const { return compare(other) > 0; }

  /// quotient and remainder; throws std::invalid_argument for a zero divisor.
  static void divide(const Integer& dividend, const Integer& divisor, Integer& quotient,
                     Integer& remainder);

  /// x * a + y * b for |x|, |y| < 2^30. Precondition: the sum is not negative.
  static Integer combine(std::int64_t x, const Integer& a, std::int64_t y, const Integer& b);

 private:
  void trim();

  // Little-endian base 2^32, no leading zeros; 64-bit intermediates suffice everywhere.
  std::vector<std::uint32_t, SecureAllocator<std::uint32_t>> limbs_;
};

/// 1 / value mod modulus, or false when they share a factor. Precondition: modulus > 1.
bool invert_var(const Integer& value, const Integer& modulus, Integer& inverse);

}  // namespace pyfate
