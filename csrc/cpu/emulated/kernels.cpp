// SPDX-License-Identifier: Apache-2.0
#include "cpu/emulated/kernels.h"

#include "cpu/emulated/arithmetic.h"
#include "cpu/generic/kernels.h"

namespace pyfate::simd {

// Compiled in arithmetic.cpp.
#define PYFATE_SIZE(N) extern template class Arithmetic<emulated::Vector, 52, N>;
#include "cpu/avx512ifma/sizes.def"
extern template class Arithmetic<emulated::Vector, 52, 0>;

}  // namespace pyfate::simd

namespace pyfate::emulated {

const KernelTable* kernels_for(int bits) {
  // The sizes of the engine that this one stands for.
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

}  // namespace pyfate::emulated
