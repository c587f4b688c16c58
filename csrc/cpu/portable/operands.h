// SPDX-License-Identifier: Apache-2.0
// What a Montgomery reduction of a half wants to know of n.
#pragma once

#include <cstdint>

namespace pyfate::portable {

struct HalfModulus {
  const std::uint64_t* n;
  std::uint64_t negative_inverse;  ///< -1 / n mod 2^64
  int size;                        ///< words h of a half
};

}  // namespace pyfate::portable
