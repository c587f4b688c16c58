// SPDX-License-Identifier: Apache-2.0
#include "cpu/emulated/kernels.h"

#include "cpu/emulated/arithmetic.h"
#include "cpu/generic/kernels.h"
#include "cpu/simd/throughput.h"

namespace pyfate::emulated {

const KernelTable* kernels_for(int bits) {
  // Two sizes for the tests: the primes of 2048-bit keys, and all others.
  switch (Arithmetic<0>::limbs_for(bits)) {
    case 20:
      return &generic::kKernels<Arithmetic<20>>;
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

}  // namespace pyfate::emulated
