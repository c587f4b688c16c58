// SPDX-License-Identifier: Apache-2.0
#include "cpu/generic/masking.h"

namespace pyfate::avx2 {

struct MaskLanes {
  static constexpr int kLanes = 8;
  typedef std::uint32_t Words __attribute__((vector_size(32)));
  typedef std::uint16_t Halves __attribute__((vector_size(32)));
  typedef std::uint8_t Bytes __attribute__((vector_size(32)));
};

extern const MaskingKernels kMasking;
const MaskingKernels kMasking = generic::Masking<MaskLanes>::kKernels;

}  // namespace pyfate::avx2
