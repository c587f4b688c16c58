// SPDX-License-Identifier: Apache-2.0
#include "cpu/avx2/kernels.h"

#include "cpu/avx2/arithmetic.h"
#include "cpu/generic/kernels.h"
#include "cpu/simd/throughput.h"

namespace pyfate::avx2 {

const KernelTable* kernels_for(int bits) {
  // Keys of 1024, 2048, 3072 and 4096 bits, and their primes; anything else at run-time size.
  switch (Arithmetic<0>::limbs_for(bits)) {
    case 19:
      return &generic::kKernels<Arithmetic<19>>;
    case 37:
      return &generic::kKernels<Arithmetic<37>>;
    case 56:
      return &generic::kKernels<Arithmetic<56>>;
    case 74:
      return &generic::kKernels<Arithmetic<74>>;
    case 110:
      return &generic::kKernels<Arithmetic<110>>;
    case 147:
      return &generic::kKernels<Arithmetic<147>>;
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

}  // namespace pyfate::avx2
