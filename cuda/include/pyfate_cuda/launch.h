// SPDX-License-Identifier: Apache-2.0
// How rows are dealt out to threads, the same for every kernel.
#pragma once

#include "pyfate_cuda/base_n.h"
#include "pyfate_cuda/operations.h"
#include "pyfate_cuda/team.h"

namespace pyfate_cuda {

// Rows of a thread: first_row(), first_row() + row_stride(), ...
PYFATE_DEVICE int64_t first_row() {
  return int64_t{blockIdx.x} * kLanes + threadIdx.x;
}
PYFATE_DEVICE int64_t row_stride() {
  return int64_t{gridDim.x} * kLanes;
}

// One thread or one team a row, up to the widest grid.
template <int H, template <int> class Ring = BaseN>
LaunchShape row_shape(int64_t rows, int slots) {
  constexpr int64_t kWidest = 0x7fffffff;
  const int64_t blocks = (rows + Ring<H>::kNumbers - 1) / Ring<H>::kNumbers;
  return {static_cast<unsigned>(blocks < kWidest ? blocks : kWidest), 1,
          Ring<H>::shared_bytes(slots)};
}

}  // namespace pyfate_cuda
