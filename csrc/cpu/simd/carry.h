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

/// out = x + carry, less n in the lanes where that is n or more; returns 1 in those lanes.
/// `negated` is R - n: its sum with x + carry leaves the top limb exactly when x + carry >= n, and
/// is R + (x + carry - n) then.
/// Precondition: limbs of x below 2^(kBits + 1), x + carry below R. out may be x.
template <int kBits, typename V>
PYFATE_INLINE V subtract_modulus(V* out, const V* x, const V& carry_in,
                                 const std::uint64_t* negated, int limbs) {
  V carry = carry_in;
  for (int i = 0; i < limbs; ++i) {
    carry = shift_right(x[i] + V::broadcast(negated[i]) + carry, kBits);
  }
  const V taken = carry;
  const V where_taken = V::zero() - taken;
  const V mask = V::broadcast(kLimbMask<kBits>);
  carry = carry_in;
  for (int i = 0; i < limbs; ++i) {
    const V column = x[i] + (V::broadcast(negated[i]) & where_taken) + carry;
    out[i] = column & mask;
    carry = shift_right(column, kBits);
  }
  return taken;
}

}  // namespace pyfate::simd
