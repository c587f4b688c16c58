// SPDX-License-Identifier: Apache-2.0
// The device, emulated on the host: compiles the kernel sources unchanged with a C++ compiler.
//
// Threads of a block are fibers that change places at __syncthreads(). Limbs may be narrower than
// 32 bits (PYFATE_EMULATED_LIMB_BITS, 8 to 32), so that carries of probability 2^-32 become common.
// What this cannot show: races, the memory model, faults of the machine compiler, speed.
#pragma once

#include <functional>

#include "emulation/carry.h"

#define PYFATE_DEVICE inline
#define PYFATE_KERNEL void
#define PYFATE_UNROLL
#define PYFATE_NO_UNROLL

namespace pyfate_cuda {

struct LaunchShape {
  unsigned blocks;
  unsigned parts = 1;
  size_t shared_bytes = 0;
};

namespace emulation {

struct Index3 {
  unsigned x, y, z;
};
extern Index3 thread, block, grid;
extern uint4* shared;

// Yields to the other threads of the block until all have come here.
void synchronize();

// Runs body once a thread, block after block.
Status run(const LaunchShape& shape, const std::function<void()>& body);

}  // namespace emulation

inline uint4* shared_memory() {
  return emulation::shared;
}

template <class... Parameters, class... Arguments>
Status launch(void (*kernel)(Parameters...), const LaunchShape& shape, Stream,
              Arguments... arguments) {
  return emulation::run(shape, [&] { kernel(static_cast<Parameters>(arguments)...); });
}

}  // namespace pyfate_cuda

#define threadIdx (pyfate_cuda::emulation::thread)
#define blockIdx (pyfate_cuda::emulation::block)
#define gridDim (pyfate_cuda::emulation::grid)
#define __syncthreads() pyfate_cuda::emulation::synchronize()
