// SPDX-License-Identifier: Apache-2.0
// CUDA's types, for code that is compiled without it.
#pragma once

#include <cstdint>

// Width of a limb on the emulated device; below 32, a limb still lies in a 32-bit word.
#ifndef PYFATE_EMULATED_LIMB_BITS
#define PYFATE_EMULATED_LIMB_BITS 32
#endif

struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};

namespace pyfate_cuda {

using Limb = uint32_t;
constexpr int kLimbBits = PYFATE_EMULATED_LIMB_BITS;
// Counted carries of a column must fit a limb: docs/algorithms/gpu-kernels.md.
static_assert(kLimbBits >= 8 && kLimbBits <= 32);

using Stream = void*;
using Status = int;
constexpr Status kSuccess = 0;
constexpr Status kDiverged = 1;  // threads of a warp came to different places, or some ended

}  // namespace pyfate_cuda
