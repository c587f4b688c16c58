// SPDX-License-Identifier: Apache-2.0
#include "cpu/avx512ifma/kernels.h"

#include "cpu/avx512ifma/arithmetic.h"
#include "cpu/generic/kernels.h"
#include "cpu/simd/throughput.h"

namespace pyfate::avx512ifma {

const KernelTable* kernels_for(int bits) {
  // Keys of 1024, 2048, 3072 and 4096 bits, and their primes; anything else at run-time size.
  switch (Arithmetic<0>::limbs_for(bits)) {
    case 10:
      return &generic::kKernels<Arithmetic<10>>;
    case 20:
      return &generic::kKernels<Arithmetic<20>>;
    case 30:
      return &generic::kKernels<Arithmetic<30>>;
    case 40:
      return &generic::kKernels<Arithmetic<40>>;
    case 60:
      return &generic::kKernels<Arithmetic<60>>;
    case 80:
      return &generic::kKernels<Arithmetic<80>>;
    default:
      return &generic::kKernels<Arithmetic<0>>;
  }
}

int limbs_for(int bits) {
  return Arithmetic<0>::limbs_for(bits);
}

std::uint64_t multiply_limbs(std::uint64_t* words, std::uint64_t count, std::uint64_t rounds) {
  return simd::multiply_limbs<Vector>(words, count / Vector::kLanes, rounds);
}

}  // namespace pyfate::avx512ifma
