// SPDX-License-Identifier: Apache-2.0
// Sums and differences of numbers of a few words.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pyfate::portable {

/// out = a + b + carry; returns the carry, 0 or 1.
inline unsigned char add_word(unsigned char carry, std::uint64_t a, std::uint64_t b,
                              std::uint64_t* out) {
#if defined(__x86_64__)
  unsigned long long sum;
  carry = _addcarry_u64(carry, a, b, &sum);
  *out = sum;
  return carry;
#else
  const unsigned __int128 sum = static_cast<unsigned __int128>(a) + b + carry;
  *out = static_cast<std::uint64_t>(sum);
  return static_cast<unsigned char>(sum >> 64);
#endif
}

/// out = a - b - borrow; returns the borrow, 0 or 1.
inline unsigned char subtract_word(unsigned char borrow, std::uint64_t a, std::uint64_t b,
                                   std::uint64_t* out) {
#if defined(__x86_64__)
  unsigned long long difference;
  borrow = _subborrow_u64(borrow, a, b, &difference);
  *out = difference;
  return borrow;
#else
  const unsigned __int128 difference = static_cast<unsigned __int128>(a) - b - borrow;
  *out = static_cast<std::uint64_t>(difference);
  return static_cast<unsigned char>(difference >> 64) & 1;
#endif
}

/// carry = step(carry, i) for each i below count; returns the last one. In blocks of eight the
/// compiler leaves it in the processor's flag from one word to the next.
template <class Step>
inline std::uint64_t carry_along(std::uint64_t first, int count, Step step) {
  auto carry = static_cast<unsigned char>(first);
  int i = 0;
  for (; i + 8 <= count; i += 8) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) carry = step(carry, i + j);
  }
  for (; i < count; ++i) carry = step(carry, i);
  return carry;
}

/// out = a + b + carry; returns the carry out. Carries are 0 or 1.
inline std::uint64_t add_words(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                               int count, std::uint64_t carry = 0) {
  return carry_along(carry, count, [&](unsigned char from_below, int i) {
    return add_word(from_below, a[i], b[i], out + i);
  });
}

/// out = a - b; returns the borrow.
inline std::uint64_t subtract_words(std::uint64_t* out, const std::uint64_t* a,
                                    const std::uint64_t* b, int count) {
  return carry_along(0, count, [&](unsigned char borrow, int i) {
    return subtract_word(borrow, a[i], b[i], out + i);
  });
}

}  // namespace pyfate::portable
