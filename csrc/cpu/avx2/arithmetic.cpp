// SPDX-License-Identifier: Apache-2.0
// The engine of every size, once: all the time goes here, and most of the compiler's.
#include "cpu/avx2/arithmetic.h"

#include "cpu/avx2/kernels.h"
#include "cpu/simd/throughput.h"

namespace pyfate::simd {

#define PYFATE_SIZE(N) template class Arithmetic<avx2::Vector, 28, N>;
#include "cpu/avx2/sizes.def"
template class Arithmetic<avx2::Vector, 28, 0>;

}  // namespace pyfate::simd

namespace pyfate::avx2 {

std::uint64_t multiply_limbs(std::uint64_t* words, std::uint64_t count, std::uint64_t rounds) {
  return simd::multiply_limbs<Vector>(words, count / Vector::kLanes, rounds);
}

}  // namespace pyfate::avx2
