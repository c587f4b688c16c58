// SPDX-License-Identifier: Apache-2.0
// The words that device code and host code share; no device code, so that a plain C++ compiler
// reads it too.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef PYFATE_EMULATED
#include "emulation/types.h"
#else
#include <cuda_runtime_api.h>

namespace pyfate_cuda {

using Limb = uint32_t;
constexpr int kLimbBits = 32;

using Stream = cudaStream_t;
using Status = cudaError_t;
constexpr Status kSuccess = cudaSuccess;

}  // namespace pyfate_cuda
#endif

namespace pyfate_cuda {

constexpr Limb kLimbMax = 0xffffffffu >> (32 - kLimbBits);
constexpr int kLanes = 32;  // threads of a block: one warp
constexpr int kTeam = 8;    // threads that share a number where there are few (team.h)

// What the host prepares for a modulus n, in device memory: n, then the numbers R, R^2, ...
// modulo n^2 as halves below n (kPowers of them).
struct Modulus {
  uint4* limbs;
  Limb negative_inverse;  // -1 / n mod 2^kLimbBits

  static constexpr int kPowers = 5;
};

}  // namespace pyfate_cuda
