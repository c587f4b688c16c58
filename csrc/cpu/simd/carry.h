// SPDX-License-Identifier: Apache-2.0
// Carries along the limbs of a half, in all lanes at once and without branches.
#pragma once

#include <cstdint>

#include "cpu/simd/inline.h"

namespace pyfate::simd {

template <int kBits>
inline constexpr std::uint64_t kLimbMask = (std::uint64_t{1} << kBits) - 1;

/// out = columns + carry with limbs below 2^kBits; the value must be below R. out may be columns.
template <int kBits, typename V>
PYFATE_INLINE void normalise(V* out, const V* columns, const V& carry_in, int limbs) {
  V carry = carry_in;
  const V mask = V::broadcast(kLimbMask<kBits>);
  for (int i = 0; i < limbs; ++i) {
    const V column = columns[i] + carry;
    out[i] = column & mask;
    carry = shift_right(column, kBits);
  }
}

/// out = 2 a with limbs below 2^kBits, for limbs of a below 2^kBits; the value must be below R.
template <int kBits, typename V>
PYFATE_INLINE void normalise_twice(V* out, const V* a, int limbs) {
  V carry = V::zero();
  const V mask = V::broadcast(kLimbMask<kBits>);
  for (int i = 0; i < limbs; ++i) {
    out[i] = ((a[i] + a[i]) & mask) + carry;
    carry = shift_right(a[i], kBits - 1);
  }
}

/// x -= n in the lanes where x >= n; returns 1 in those lanes. `negated` is R - n: its sum with x
/// carries out of the top limb exactly when x >= n, and is R + (x - n) then.
/// Precondition: limbs of x below 2^kBits. scratch: `limbs` vectors.
template <int kBits, typename V>
PYFATE_INLINE V subtract_modulus(V* x, const std::uint64_t* negated, V* scratch, int limbs) {
  const V mask = V::broadcast(kLimbMask<kBits>);
  V carry = V::zero();
  for (int i = 0; i < limbs; ++i) {
    const V column = x[i] + V::broadcast(negated[i]) + carry;
    scratch[i] = column & mask;
    carry = shift_right(column, kBits);
  }
  const V taken = V::zero() - carry;
  for (int i = 0; i < limbs; ++i) x[i] = blend(taken, scratch[i], x[i]);
  return carry;
}

}  // namespace pyfate::simd
