// SPDX-License-Identifier: Apache-2.0
// How many products of two 32-bit limbs plus 64 bits the device does a second: the limit of
// everything else (docs/algorithms/gpu-kernels.md).
#include "pyfate_cuda/device.h"
#include "pyfate_cuda/operations.h"

namespace pyfate_cuda {
namespace {

constexpr int kChains = 8;  // independent of each other, enough to hide their latency

PYFATE_KERNEL wide_rate_kernel(Limb* out, int turns) {
  const unsigned thread = blockIdx.x * kLanes + threadIdx.x;
  const Limb factor = (thread | 1) & kLimbMax;
  Limb low[kChains], high[kChains];
  PYFATE_UNROLL for (int i = 0; i < kChains; ++i) low[i] = high[i] = (thread + i) & kLimbMax;
  PYFATE_NO_UNROLL for (int turn = 0; turn < turns; ++turn) {
    PYFATE_UNROLL for (int j = 0; j < kWideProducts / kChains; ++j) {
      PYFATE_UNROLL for (int i = 0; i < kChains; ++i) {
        const Limb x = low[i];
        low[i] = mad_lo_cc(x, factor, low[i]);
        high[i] = madc_hi_cc(x, factor, high[i]);
      }
    }
  }
  Limb sum = 0;
  PYFATE_UNROLL for (int i = 0; i < kChains; ++i) sum ^= low[i] ^ high[i];
  out[thread] = sum;
}

}  // namespace

Status wide_rate(const WideRateArguments& arguments, Stream stream) {
  return launch(wide_rate_kernel, LaunchShape{static_cast<unsigned>(arguments.blocks)}, stream,
                arguments.out, arguments.turns);
}

Status kernels_load() {
  return loads(wide_rate_kernel);
}

}  // namespace pyfate_cuda
