// SPDX-License-Identifier: Apache-2.0
// What products of halves are made of.
#pragma once

#include <cstdint>

namespace pyfate::portable {

/// Two numbers to multiply.
struct Factors {
  const std::uint64_t* a;
  const std::uint64_t* b;
};

/// What a Montgomery reduction wants to know of n.
struct HalfModulus {
  const std::uint64_t* n;
  std::uint64_t negative_inverse;  ///< -1 / n mod 2^64
  int size;                        ///< words h of a half
  bool by_rows;                    ///< what Chosen (products.h) chose
};

}  // namespace pyfate::portable
