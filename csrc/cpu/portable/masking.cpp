// SPDX-License-Identifier: Apache-2.0
#include "cpu/generic/masking.h"

namespace pyfate::portable {

struct MaskLanes {
  static constexpr int kLanes = 4;
  typedef std::uint32_t Words __attribute__((vector_size(16)));
  typedef std::uint16_t Halves __attribute__((vector_size(16)));
  typedef std::uint8_t Bytes __attribute__((vector_size(16)));
};

extern const MaskingKernels kMasking;
const MaskingKernels kMasking = generic::Masking<MaskLanes>::kKernels;

}  // namespace pyfate::portable
