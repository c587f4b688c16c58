// SPDX-License-Identifier: Apache-2.0
// Constants of a modulus, rows and checks for the tests of the vector engines, on plain integers.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bigint/integer.h"
#include "pyfate/modulus_constants.h"

namespace simd_test {

using pyfate::Integer;
using Limbs = std::vector<std::uint64_t>;

inline void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
  std::exit(1);
}

/// A fixed sequence (splitmix64), so that a failure can be repeated.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t word() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  Integer below(const Integer& bound) {
    Limbs words(static_cast<std::size_t>(bound.bits() / 64 + 2));
    for (std::uint64_t& w : words) w = word();
    return Integer::from_words(words.data(), words.size()) % bound;
  }
  /// Odd, exactly `bits` bits.
  Integer modulus(int bits) {
    const Integer top = Integer::power_of_two(bits - 1);
    const Integer n = top + below(top);
    return n.is_odd() ? n : n + Integer(1);
  }

 private:
  std::uint64_t state_;
};

inline Limbs digits(const Integer& value, int radix_bits, int count) {
  const auto limbs = value.to_limbs(radix_bits, count);
  return Limbs(limbs.begin(), limbs.end());
}

inline Integer join(const std::uint64_t* digits, int radix_bits, int count) {
  Integer value;
  for (int i = count - 1; i >= 0; --i) value = (value << radix_bits) + Integer(digits[i]);
  return value;
}

/// Everything an engine wants to know of n, with the memory that ModulusConstants points to.
class Scaffold {
 public:
  Scaffold(const Integer& modulus, int limbs_of_half, int radix)
      : n(modulus), limbs(limbs_of_half), radix_bits(radix) {
    r = Integer::power_of_two(radix_bits * limbs);
    n_squared = n * n;
    words = (n.bits() + 63) / 64;
    Integer inverse;
    require(pyfate::invert_var(n, Integer::power_of_two(radix_bits), inverse), "n is odd");
    const Integer one = r % n_squared;
    const Integer r_squared = one * one % n_squared;
    const Integer complement = (r + n - Integer(1)) / n * n - (r - Integer(1));
    for (const Integer& value :
         {n, complement, one % n, one / n, r_squared % n, r_squared / n, r % n, r_squared % n}) {
      tables_.push_back(digits(value, radix_bits, limbs));
    }
    packed_ = digits(n, 64, words);
    negative_inverse_ = (Integer::power_of_two(radix_bits) - inverse).low_word();
  }

  pyfate::ModulusConstants constants() const {
    return {n.bits(),
            words,
            limbs,
            radix_bits,
            packed_.data(),
            tables_[0].data(),
            tables_[1].data(),
            tables_[2].data(),
            tables_[3].data(),
            tables_[4].data(),
            tables_[5].data(),
            tables_[6].data(),
            tables_[7].data(),
            negative_inverse_};
  }

  /// x0 + x1 n as a row of packed words.
  Limbs row(const Integer& x) const {
    Limbs out = digits(x % n, 64, words);
    const Limbs high = digits(x / n, 64, words);
    out.insert(out.end(), high.begin(), high.end());
    return out;
  }
  /// The value of a row; requires both halves below n.
  Integer value(const Limbs& row) const {
    const Integer low = Integer::from_words(row.data(), static_cast<std::size_t>(words));
    const Integer high = Integer::from_words(row.data() + words, static_cast<std::size_t>(words));
    require(low < n && high < n, "halves of a stored row are below n");
    return low + high * n;
  }

  Integer n, n_squared, r;
  int limbs, radix_bits, words;

 private:
  std::vector<Limbs> tables_;
  Limbs packed_;
  std::uint64_t negative_inverse_ = 0;
};

}  // namespace simd_test
