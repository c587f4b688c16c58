// SPDX-License-Identifier: Apache-2.0
// The limb engine of avx512ifma without its intrinsics.
#pragma once

#include "cpu/emulated/vector.h"
#include "cpu/simd/arithmetic.h"

namespace pyfate::emulated {

template <int N>
using Arithmetic = simd::Arithmetic<Vector, 52, N>;

}  // namespace pyfate::emulated
