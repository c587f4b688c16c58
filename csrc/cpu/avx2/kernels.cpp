// SPDX-License-Identifier: Apache-2.0
#include "cpu/avx2/kernels.h"

#include "cpu/avx2/arithmetic.h"
#include "cpu/generic/kernels.h"

namespace pyfate::simd {

// Compiled in arithmetic.cpp.
#define PYFATE_SIZE(N) extern template class Arithmetic<avx2::Vector, 28, N>;
#include "cpu/avx2/sizes.def"
extern template class Arithmetic<avx2::Vector, 28, 0>;

}  // namespace pyfate::simd

namespace pyfate::avx2 {

const KernelTable* kernels_for(int bits) {
  switch (Arithmetic<0>::limbs_for(bits)) {
#define PYFATE_SIZE(N) \
  case N:              \
    return &generic::kKernels<Arithmetic<N>>;
#include "cpu/avx2/sizes.def"
    default:
      return &generic::kKernels<Arithmetic<0>>;
  }
}

int limbs_for(int bits) {
  return Arithmetic<0>::limbs_for(bits);
}

}  // namespace pyfate::avx2
