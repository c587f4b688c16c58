// SPDX-License-Identifier: Apache-2.0
// The engine of every size, once: all the time goes here, and most of the compiler's.
#include "cpu/avx512ifma/arithmetic.h"

#include "cpu/avx512ifma/kernels.h"
#include "cpu/simd/throughput.h"

namespace pyfate::simd {

#define PYFATE_SIZE(N) template class Arithmetic<avx512ifma::Vector, 52, N>;
#include "cpu/avx512ifma/sizes.def"
template class Arithmetic<avx512ifma::Vector, 52, 0>;

}  // namespace pyfate::simd

namespace pyfate::avx512ifma {

std::uint64_t multiply_limbs(std::uint64_t* words, std::uint64_t count, std::uint64_t rounds) {
  return simd::multiply_limbs<Vector>(words, count / Vector::kLanes, rounds);
}

}  // namespace pyfate::avx512ifma
