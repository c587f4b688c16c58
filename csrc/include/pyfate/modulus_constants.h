// SPDX-License-Identifier: Apache-2.0
// What a limb engine is told about its modulus: plain data, limbs in the radix of the engine.
#pragma once

#include <cstdint>

namespace pyfate {

/// Constants of one odd modulus n for a limb engine with R = 2^(radix_bits * limbs) > n.
///
/// Every pointer names `limbs` little-endian limbs below 2^radix_bits, except `n_words`, which
/// names `words` packed 64-bit words. A pair (low, high) stands for low + high * n mod n^2.
/// The arrays live as long as the call that constructs an engine; an engine copies what it needs.
struct ModulusConstants {
  int bits;                      ///< 2^(bits - 1) <= n < 2^bits
  int words;                     ///< ceil(bits / 64), the words of a packed half
  int limbs;                     ///< limbs of a half inside the engine
  int radix_bits;                ///< bits of a limb
  const std::uint64_t* n_words;  ///< n, packed
  const std::uint64_t* n;
  const std::uint64_t* complement;     ///< K * n - (R - 1) with K = ceil(R / n); at most n
  const std::uint64_t* one_low;        ///< R mod n^2, low half
  const std::uint64_t* one_high;       ///< R mod n^2, high half
  const std::uint64_t* r_squared_low;  ///< R^2 mod n^2, low half
  const std::uint64_t* r_squared_high;
  const std::uint64_t* r_mod_n;          ///< R mod n
  const std::uint64_t* r_squared_mod_n;  ///< R^2 mod n
  std::uint64_t negative_inverse;        ///< -1 / n mod 2^radix_bits
};

}  // namespace pyfate
