// SPDX-License-Identifier: Apache-2.0
// Products of halves by rows where the processor and the size allow it, by columns elsewhere: asked
// once for each engine, so that everything else of it is compiled once for both.
#pragma once

#include "cpu/features.h"
#include "cpu/portable/columns.h"
#include "cpu/portable/rows.h"

namespace pyfate::portable {

#if defined(__x86_64__)

template <int N>
class Chosen {
 public:
  static bool by_rows(int size) { return size % Rows::kWidth == 0 && missing_adx() == nullptr; }

  static std::uint64_t multiply(std::uint64_t* wide, const std::uint64_t* a, const std::uint64_t* b,
                                const HalfModulus& modulus) {
    return modulus.by_rows ? Rows::multiply(wide, a, b, modulus)
                           : Columns<N>::multiply(wide, a, b, modulus);
  }
  static std::uint64_t square(std::uint64_t* wide, const std::uint64_t* a,
                              const HalfModulus& modulus) {
    return modulus.by_rows ? Rows::square(wide, a, modulus) : Columns<N>::square(wide, a, modulus);
  }
  template <std::same_as<Factors>... Each>
  static std::uint64_t cross(std::uint64_t* wide, const std::uint64_t* q, std::uint64_t wrapped,
                             const HalfModulus& modulus, Each... factors) {
    return modulus.by_rows ? Rows::cross(wide, q, wrapped, modulus, factors...)
                           : Columns<N>::cross(wide, q, wrapped, modulus, factors...);
  }
};

#else

template <int N>
class Chosen : public Columns<N> {};

#endif

}  // namespace pyfate::portable
