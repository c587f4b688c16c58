// SPDX-License-Identifier: Apache-2.0
// Kernels whose threads do not stay together: the emulation must say so, a GPU would hang or worse.
#include "pyfate_cuda/device.h"

namespace {

using namespace pyfate_cuda;

void kernel(int how) {
  const unsigned lane = threadIdx.x;
  if (how == 0) {  // stays together
    __syncthreads();
    (void)team_lane(lane, 1);
    warp_synchronize();
  } else if (how == 1) {  // one thread ends early
    if (lane != 5) __syncthreads();
  } else if (how == 2) {  // two kinds of collective
    (void)(lane < 8 ? team_above(lane) : warp_votes(true));
  } else {  // unequal numbers of turns
    for (unsigned i = 0; i <= lane / kTeam; ++i) (void)team_below(lane);
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int run(int how) {
  return launch(kernel, LaunchShape{2}, nullptr, how);
}
