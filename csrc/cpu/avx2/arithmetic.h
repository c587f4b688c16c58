// SPDX-License-Identifier: Apache-2.0
// The limb engine for 256-bit registers: four lanes, limbs of 28 bits.
#pragma once

#include "cpu/avx2/vector.h"
#include "cpu/simd/arithmetic.h"

namespace pyfate::avx2 {

/// 255 products of 28-bit limbs fit a column of 64 bits, so no carry is moved within a
/// multiplication up to n = 2048.
template <int N>
using Arithmetic = simd::Arithmetic<Vector, 28, N>;

}  // namespace pyfate::avx2
