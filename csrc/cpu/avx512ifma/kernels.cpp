// SPDX-License-Identifier: Apache-2.0
#include "cpu/avx512ifma/kernels.h"

#include "cpu/avx512ifma/arithmetic.h"
#include "cpu/generic/kernels.h"

namespace pyfate::simd {

// Compiled in arithmetic.cpp.
#define PYFATE_SIZE(N) extern template class Arithmetic<avx512ifma::Vector, 52, N>;
#include "cpu/avx512ifma/sizes.def"
extern template class Arithmetic<avx512ifma::Vector, 52, 0>;

}  // namespace pyfate::simd

namespace pyfate::avx512ifma {

const KernelTable* kernels_for(int bits) {
  switch (Arithmetic<0>::limbs_for(bits)) {
#define PYFATE_SIZE(N) \
  case N:              \
    return &generic::kKernels<Arithmetic<N>>;
#include "cpu/avx512ifma/sizes.def"
    default:
      return &generic::kKernels<Arithmetic<0>>;
  }
}

int limbs_for(int bits) {
  return Arithmetic<0>::limbs_for(bits);
}

}  // namespace pyfate::avx512ifma
