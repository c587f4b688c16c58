// SPDX-License-Identifier: Apache-2.0
#include "bigint/integer.h"

#include <algorithm>
#include <bit>
#include <stdexcept>

namespace pyfate {

Integer::Integer(std::uint64_t value) {
  limbs_ = {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
  trim();
}

Integer Integer::from_words(const std::uint64_t* words, std::size_t count) {
  Integer result;
  result.limbs_.resize(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    result.limbs_[2 * i] = static_cast<std::uint32_t>(words[i]);
    result.limbs_[2 * i + 1] = static_cast<std::uint32_t>(words[i] >> 32);
  }
  result.trim();
  return result;
}

Integer Integer::from_bytes(const unsigned char* bytes, std::size_t count) {
  Integer result;
  result.limbs_.assign((count + 3) / 4, 0);
  for (std::size_t i = 0; i < count; ++i) {
    result.limbs_[i / 4] |= static_cast<std::uint32_t>(bytes[i]) << (8 * (i % 4));
  }
  result.trim();
  return result;
}

Integer Integer::power_of_two(int exponent) {
  return Integer(1) << exponent;
}

void Integer::to_words(std::uint64_t* words, std::size_t count) const {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t low = 2 * i < limbs_.size() ? limbs_[2 * i] : 0;
    const std::uint64_t high = 2 * i + 1 < limbs_.size() ? limbs_[2 * i + 1] : 0;
    words[i] = low | high << 32;
  }
}

SecretWords Integer::to_limbs(int radix_bits, int count) const {
  SecretWords result(count);
  for (int i = 0; i < count; ++i) {
    std::uint64_t limb = 0;
    for (int bit = 0; bit < radix_bits; ++bit) {
      const std::size_t position = static_cast<std::size_t>(i) * radix_bits + bit;
      if (position / 32 >= limbs_.size()) break;
      limb |= static_cast<std::uint64_t>(limbs_[position / 32] >> (position % 32) & 1) << bit;
    }
    result[i] = limb;
  }
  return result;
}

int Integer::bits() const {
  if (limbs_.empty()) return 0;
  return static_cast<int>(limbs_.size() - 1) * 32 + static_cast<int>(std::bit_width(limbs_.back()));
}

std::uint64_t Integer::low_word() const {
  std::uint64_t word;
  to_words(&word, 1);
  return word;
}

int Integer::compare(const Integer& other) const {
  if (limbs_.size() != other.limbs_.size()) return limbs_.size() < other.limbs_.size() ? -1 : 1;
  for (std::size_t i = limbs_.size(); i-- > 0;) {
    if (limbs_[i] != other.limbs_[i]) return limbs_[i] < other.limbs_[i] ? -1 : 1;
  }
  return 0;
}

Integer Integer::operator+(const Integer& other) const {
  const Integer& longer = limbs_.size() >= other.limbs_.size() ? *this : other;
  const Integer& shorter = limbs_.size() >= other.limbs_.size() ? other : *this;
  Integer result;
  result.limbs_.resize(longer.limbs_.size() + 1);
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < longer.limbs_.size(); ++i) {
    carry += longer.limbs_[i];
    if (i < shorter.limbs_.size()) carry += shorter.limbs_[i];
    result.limbs_[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  result.limbs_.back() = static_cast<std::uint32_t>(carry);
  result.trim();
  return result;
}

Integer Integer::operator-(const Integer& other) const {
  Integer result = *this;
  std::int64_t borrow = 0;
  for (std::size_t i = 0; i < limbs_.size(); ++i) {
    borrow += limbs_[i];
    if (i < other.limbs_.size()) borrow -= other.limbs_[i];
    result.limbs_[i] = static_cast<std::uint32_t>(borrow);
    borrow >>= 32;
  }
  result.trim();
  return result;
}

Integer Integer::operator*(const Integer& other) const {
  Integer result;
  if (is_zero() || other.is_zero()) return result;
  result.limbs_.assign(limbs_.size() + other.limbs_.size(), 0);
  for (std::size_t i = 0; i < limbs_.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < other.limbs_.size(); ++j) {
      carry += static_cast<std::uint64_t>(limbs_[i]) * other.limbs_[j] + result.limbs_[i + j];
      result.limbs_[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    result.limbs_[i + other.limbs_.size()] = static_cast<std::uint32_t>(carry);
  }
  result.trim();
  return result;
}

Integer Integer::operator<<(int count) const {
  Integer result;
  if (is_zero()) return result;
  const int whole = count / 32;
  const int part = count % 32;
  result.limbs_.assign(limbs_.size() + whole + 1, 0);
  for (std::size_t i = 0; i < limbs_.size(); ++i) {
    const std::uint64_t shifted = static_cast<std::uint64_t>(limbs_[i]) << part;
    result.limbs_[i + whole] |= static_cast<std::uint32_t>(shifted);
    result.limbs_[i + whole + 1] = static_cast<std::uint32_t>(shifted >> 32);
  }
  result.trim();
  return result;
}

Integer Integer::operator>>(int count) const {
  Integer result;
  const std::size_t whole = count / 32;
  const int part = count % 32;
  if (whole >= limbs_.size()) return result;
  result.limbs_.assign(limbs_.size() - whole, 0);
  for (std::size_t i = whole; i < limbs_.size(); ++i) {
    const std::uint64_t next = i + 1 < limbs_.size() ? limbs_[i + 1] : 0;
    result.limbs_[i - whole] = static_cast<std::uint32_t>((next << 32 | limbs_[i]) >> part);
  }
  result.trim();
  return result;
}

Integer Integer::operator/(const Integer& divisor) const {
  Integer quotient;
  Integer remainder;
  divide(*this, divisor, quotient, remainder);
  return quotient;
}

Integer Integer::operator%(const Integer& divisor) const {
  Integer quotient;
  Integer remainder;
  divide(*this, divisor, quotient, remainder);
  return remainder;
}

void Integer::trim() {
  while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
}

// Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D, in base 2^32.
void Integer::divide(const Integer& dividend, const Integer& divisor, Integer& quotient,
                     Integer& remainder) {
  if (divisor.is_zero()) throw std::invalid_argument("division by zero");
  if (dividend < divisor) {
    remainder = dividend;
    quotient = Integer();
    return;
  }
  const int shift = 31 - (divisor.bits() - 1) % 32;
  Integer v = divisor << shift;
  Integer u = dividend << shift;
  const std::size_t n = v.limbs_.size();
  u.limbs_.resize(std::max(u.limbs_.size(), dividend.limbs_.size()) + 1, 0);
  const std::size_t m = u.limbs_.size() - n;
  Integer q;
  q.limbs_.assign(m, 0);
  const std::uint64_t top = v.limbs_[n - 1];
  const std::uint64_t second = n > 1 ? v.limbs_[n - 2] : 0;
  for (std::size_t j = m; j-- > 0;) {
    // Estimate from three limbs of u: at most one too large after the correction (theorem B).
    const std::uint64_t head =
        static_cast<std::uint64_t>(u.limbs_[j + n]) << 32 | u.limbs_[j + n - 1];
    std::uint64_t estimate = head / top;
    std::uint64_t rest = head % top;
    const std::uint64_t third = n > 1 ? u.limbs_[j + n - 2] : 0;
    while (estimate >> 32 != 0 || estimate * second > (rest << 32 | third)) {
      --estimate;
      rest += top;
      if (rest >> 32 != 0) break;
    }
    std::uint64_t carry = 0;
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < n; ++i) {
      carry += estimate * v.limbs_[i];
      borrow += static_cast<std::int64_t>(u.limbs_[i + j]) -
                static_cast<std::int64_t>(carry & 0xffffffffu);
      u.limbs_[i + j] = static_cast<std::uint32_t>(borrow);
      borrow >>= 32;
      carry >>= 32;
    }
    borrow += static_cast<std::int64_t>(u.limbs_[j + n]) - static_cast<std::int64_t>(carry);
    u.limbs_[j + n] = static_cast<std::uint32_t>(borrow);
    if (borrow < 0) {
      --estimate;
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        sum += static_cast<std::uint64_t>(u.limbs_[i + j]) + v.limbs_[i];
        u.limbs_[i + j] = static_cast<std::uint32_t>(sum);
        sum >>= 32;
      }
      u.limbs_[j + n] += static_cast<std::uint32_t>(sum);
    }
    q.limbs_[j] = static_cast<std::uint32_t>(estimate);
  }
  q.trim();
  u.trim();
  quotient = q;
  remainder = u >> shift;
}

namespace {

/// Quotient steps of Euclid's algorithm seen from the leading bits alone. After them, the pair
/// (a, b) is (x a - y b, w b - z a), or with all signs reversed when `odd`.
struct LeadingSteps {
  std::int64_t x = 1;
  std::int64_t y = 0;
  std::int64_t z = 0;
  std::int64_t w = 1;
  bool odd = false;

  /// a >= b are the leading bits of two numbers cut at the same place, below 2^62. Steps are taken
  /// while the quotient does not depend on the bits cut off (Knuth 4.5.2, algorithm L) and the
  /// factors stay below 2^30.
  LeadingSteps(std::int64_t a, std::int64_t b) {
    for (;;) {
      // With the signs that the factors have now, the true numbers lie between these.
      const std::int64_t b_low = odd ? b - w : b - z;
      const std::int64_t b_high = odd ? b + z : b + w;
      const std::int64_t a_low = odd ? a - x : a - y;
      const std::int64_t a_high = odd ? a + y : a + x;
      if (b_low <= 0 || b_high <= 0 || a_low < 0) return;
      const std::int64_t quotient = a_low / b_high;
      if (quotient != a_high / b_low || quotient >> 30 != 0) return;
      const std::int64_t next_z = x + quotient * z;
      const std::int64_t next_w = y + quotient * w;
      if (next_z >> 30 != 0 || next_w >> 30 != 0) return;
      const std::int64_t rest = a - quotient * b;
      a = b;
      b = rest;
      x = z;
      y = w;
      z = next_z;
      w = next_w;
      odd = !odd;
    }
  }
};

}  // namespace

Integer Integer::combine(std::int64_t x, const Integer& a, std::int64_t y, const Integer& b) {
  Integer result;
  const std::size_t size = std::max(a.limbs_.size(), b.limbs_.size());
  result.limbs_.resize(size + 1);
  std::int64_t carry = 0;
  for (std::size_t i = 0; i <= size; ++i) {
    if (i < a.limbs_.size()) carry += x * static_cast<std::int64_t>(a.limbs_[i]);
    if (i < b.limbs_.size()) carry += y * static_cast<std::int64_t>(b.limbs_[i]);
    result.limbs_[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  result.trim();
  return result;
}

bool invert_var(const Integer& value, const Integer& modulus, Integer& inverse) {
  // Euclid, many quotients at a time (Lehmer). Invariant: a = -+ a_factor * value and
  // b = +- b_factor * value mod modulus; the signs alternate, so magnitudes are enough.
  Integer a = modulus;
  Integer b = value % modulus;
  Integer a_factor = 0;
  Integer b_factor = 1;
  bool b_negative = false;
  while (!b.is_zero()) {
    const int cut = std::max(0, a.bits() - 61);
    const LeadingSteps steps(static_cast<std::int64_t>((a >> cut).low_word()),
                             static_cast<std::int64_t>((b >> cut).low_word()));
    if (steps.y == 0) {
      Integer quotient;
      Integer remainder;
      Integer::divide(a, b, quotient, remainder);
      a = b;
      b = remainder;
      Integer next = a_factor + quotient * b_factor;
      a_factor = b_factor;
      b_factor = next;
      b_negative = !b_negative;
      continue;
    }
    const std::int64_t sign = steps.odd ? -1 : 1;
    const Integer next_a = Integer::combine(sign * steps.x, a, -sign * steps.y, b);
    b = Integer::combine(-sign * steps.z, a, sign * steps.w, b);
    a = next_a;
    const Integer next_factor = Integer::combine(steps.x, a_factor, steps.y, b_factor);
    b_factor = Integer::combine(steps.z, a_factor, steps.w, b_factor);
    a_factor = next_factor;
    b_negative = b_negative != steps.odd;
  }
  if (a != Integer(1)) return false;
  // One step past a = 1: the factor of a has the sign opposite to b's.
  inverse = b_negative ? a_factor % modulus : modulus - a_factor % modulus;
  return true;
}

}  // namespace pyfate
