// SPDX-License-Identifier: Apache-2.0
// What the kernel sources need of their machine: nvcc's device, or the emulation on the host.
//
// Kernels are written once. They use no CUDA name but those below: PYFATE_DEVICE, PYFATE_KERNEL,
// threadIdx, blockIdx, gridDim, __syncthreads, uint4, shared_memory(), launch(), and what the
// threads of a team say to each other, where all threads of the warp must take part.
#pragma once

#include "pyfate_cuda/types.h"

#ifdef PYFATE_EMULATED
#include "emulation/device.h"
#else
#include "pyfate_cuda/ptx.h"

#define PYFATE_DEVICE __device__ __forceinline__
// One warp a block, and registers enough for 12 of them on a multiprocessor: 168 a thread, three
// warps a scheduler. Shared memory allows fewer from H = 48 on.
#define PYFATE_KERNEL __global__ void __launch_bounds__(32, 12)
#define PYFATE_UNROLL _Pragma("unroll")
#define PYFATE_NO_UNROLL _Pragma("unroll 1")

namespace pyfate_cuda {

extern __shared__ uint4 dynamic_shared_memory[];

PYFATE_DEVICE uint4* shared_memory() {
  return dynamic_shared_memory;
}

constexpr unsigned kAllLanes = 0xffffffffu;

// The value of one thread of the team, or of the next one (the last one gets its own).
PYFATE_DEVICE Limb team_lane(Limb v, int lane) {
  return __shfl_sync(kAllLanes, v, lane, kTeam);
}
PYFATE_DEVICE Limb team_above(Limb v) {
  return __shfl_down_sync(kAllLanes, v, 1, kTeam);
}
// That of the one before (the first one gets its own).
PYFATE_DEVICE Limb team_below(Limb v) {
  return __shfl_up_sync(kAllLanes, v, 1, kTeam);
}
// One bit a thread of the warp.
PYFATE_DEVICE unsigned warp_votes(bool v) {
  return __ballot_sync(kAllLanes, v);
}
// What a thread of the warp wrote before, all of them see after.
PYFATE_DEVICE void warp_synchronize() {
  __syncwarp();
}

struct LaunchShape {
  unsigned blocks;     // of one warp each
  unsigned parts = 1;  // blockIdx.y
  size_t shared_bytes = 0;
};

// Starts kernel(arguments...) on blocks of one warp; no blocks, no launch.
template <class... Parameters, class... Arguments>
Status launch(void (*kernel)(Parameters...), const LaunchShape& shape, Stream stream,
              Arguments... arguments) {
  if (shape.blocks == 0 || shape.parts == 0) return kSuccess;
  const Status status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             static_cast<int>(shape.shared_bytes));
  if (status != kSuccess) {
    (void)cudaGetLastError();  // not to be found by the next caller
    return status;
  }
  kernel<<<dim3(shape.blocks, shape.parts), 32, shape.shared_bytes, stream>>>(
      static_cast<Parameters>(arguments)...);
  return cudaGetLastError();
}

// Whether there is code of a kernel that runs on the current device.
template <class... Parameters>
Status loads(void (*kernel)(Parameters...)) {
  cudaFuncAttributes attributes;
  const Status status = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(kernel));
  if (status != kSuccess) (void)cudaGetLastError();
  return status;
}

}  // namespace pyfate_cuda

#endif
