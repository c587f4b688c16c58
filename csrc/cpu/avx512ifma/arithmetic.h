// SPDX-License-Identifier: Apache-2.0
// The limb engine for AVX-512 with IFMA: eight lanes, limbs of 52 bits.
#pragma once

#include "cpu/avx512ifma/vector.h"
#include "cpu/simd/arithmetic.h"

namespace pyfate::avx512ifma {

/// n = 1024, 2048, 3072 and 4096 take 20, 40, 60 and 80 limbs; their primes half of that.
template <int N>
using Arithmetic = simd::Arithmetic<Vector, 52, N>;

}  // namespace pyfate::avx512ifma
