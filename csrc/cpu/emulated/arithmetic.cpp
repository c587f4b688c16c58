// SPDX-License-Identifier: Apache-2.0
// The engine of every size of avx512ifma, so that each runs on every machine.
#include "cpu/emulated/arithmetic.h"

#include "cpu/emulated/kernels.h"
#include "cpu/simd/throughput.h"

namespace pyfate::simd {

#define PYFATE_SIZE(N) template class Arithmetic<emulated::Vector, 52, N>;
#include "cpu/avx512ifma/sizes.def"
template class Arithmetic<emulated::Vector, 52, 0>;

}  // namespace pyfate::simd

namespace pyfate::emulated {

std::uint64_t multiply_limbs(std::uint64_t* words, std::uint64_t count, std::uint64_t rounds) {
  return simd::multiply_limbs<Vector>(words, count / Vector::kLanes, rounds);
}

}  // namespace pyfate::emulated
