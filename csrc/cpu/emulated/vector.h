// SPDX-License-Identifier: Apache-2.0
// The vectors of avx512ifma in plain C++, lane by lane: runs on every machine and under valgrind,
// so that all of that engine but its intrinsics is tested everywhere.
#pragma once

#include <cstdint>
#ifdef PYFATE_VERIFY
#include <cstdlib>
#endif

namespace pyfate::emulated {

struct alignas(64) Vector {
  static constexpr int kLanes = 8;
  static constexpr int kWidths[] = {10, 5};
  static constexpr int kWidthCount = 2;
  static constexpr bool kSplitProducts = true;

  std::uint64_t lane[kLanes];

  static Vector zero() { return broadcast(0); }
  static Vector broadcast(std::uint64_t word) {
    return {{word, word, word, word, word, word, word, word}};
  }
  static Vector load(const std::uint64_t* words) {
    Vector out;
    for (int i = 0; i < kLanes; ++i) out.lane[i] = words[i];
    return out;
  }
  void store(std::uint64_t* words) const {
    for (int i = 0; i < kLanes; ++i) words[i] = lane[i];
  }
};

// Calls, not inlined: unrolled strips of eight lanes each would take the compiler minutes.

/// f(a.lane[i], b.lane[i]) in every lane.
template <typename F>
Vector map(const Vector& a, const Vector& b, F f) {
  Vector out;
  for (int i = 0; i < Vector::kLanes; ++i) out.lane[i] = f(a.lane[i], b.lane[i]);
  return out;
}

/// Sums never pass 64 bits; builds with PYFATE_VERIFY make sure.
[[gnu::noinline]] inline Vector operator+(const Vector& a, const Vector& b) {
  return map(a, b, [](std::uint64_t x, std::uint64_t y) {
#ifdef PYFATE_VERIFY
    if (x + y < x) std::abort();
#endif
    return x + y;
  });
}
[[gnu::noinline]] inline Vector operator-(const Vector& a, const Vector& b) {
  return map(a, b, [](std::uint64_t x, std::uint64_t y) { return x - y; });
}
[[gnu::noinline]] inline Vector operator&(const Vector& a, const Vector& b) {
  return map(a, b, [](std::uint64_t x, std::uint64_t y) { return x & y; });
}
[[gnu::noinline]] inline Vector operator|(const Vector& a, const Vector& b) {
  return map(a, b, [](std::uint64_t x, std::uint64_t y) { return x | y; });
}
[[gnu::noinline]] inline Vector shift_right(const Vector& a, int count) {
  return map(a, a, [count](std::uint64_t x, std::uint64_t) { return x >> count; });
}
[[gnu::noinline]] inline Vector shift_left(const Vector& a, int count) {
  return map(a, a, [count](std::uint64_t x, std::uint64_t) { return x << count; });
}

/// All ones in the lanes where a equals b, zero in the others.
[[gnu::noinline]] inline Vector equal(const Vector& a, const Vector& b) {
  return map(a, b, [](std::uint64_t x, std::uint64_t y) {
    const std::uint64_t difference = x ^ y;
    return ((difference | (0 - difference)) >> 63) - 1;
  });
}

inline constexpr std::uint64_t kMask52 = (std::uint64_t{1} << 52) - 1;

/// sum + bits 0..51 of a * b; of the factors only the lowest 52 bits are read.
[[gnu::noinline]] inline Vector add_product_low(const Vector& sum, const Vector& a,
                                                const Vector& b) {
  return sum + map(a, b, [](std::uint64_t x, std::uint64_t y) { return (x * y) & kMask52; });
}
/// sum + bits 52..103 of a * b.
[[gnu::noinline]] inline Vector add_product_high(const Vector& sum, const Vector& a,
                                                 const Vector& b) {
  return sum + map(a, b, [](std::uint64_t x, std::uint64_t y) {
           const auto product = static_cast<unsigned __int128>(x & kMask52) * (y & kMask52);
           return static_cast<std::uint64_t>(product >> 52);
         });
}

/// a * b mod 2^52 for b below 2^52 and any a.
template <int kBits>
Vector low_product(const Vector& a, const Vector& b) {
  static_assert(kBits == 52);
  return add_product_low(Vector::zero(), a, b);
}

/// rows[i] lane j <-> rows[j] lane i.
[[gnu::noinline]] inline void transpose(Vector (&rows)[8]) {
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < i; ++j) {
      const std::uint64_t swapped = rows[i].lane[j];
      rows[i].lane[j] = rows[j].lane[i];
      rows[j].lane[i] = swapped;
    }
  }
}

}  // namespace pyfate::emulated
