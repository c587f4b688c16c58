// SPDX-License-Identifier: Apache-2.0
// Unsigned exponents in device memory and their digits.
#pragma once

#include "pyfate_cuda/device.h"

namespace pyfate_cuda {

struct Exponents {
  const Limb* at;
  const int64_t* index;  // null: row i has exponent i
  int stride;            // limbs from one exponent to the next; 0: one exponent for all rows
  int bits;

  PYFATE_DEVICE const Limb* operator[](int64_t row) const {
    return at + (index ? index[row] : row) * stride;
  }
};

// Bits position ... position + width - 1 of an exponent, those at `bits` and above being zero.
// Precondition: position < bits, width <= 16.
PYFATE_DEVICE int digit(const Limb* exponent, int bits, int position, int width) {
  const int limb = position / kLimbBits, shift = position % kLimbBits;
  if (width > bits - position) width = bits - position;
  uint64_t window = 0;  // limbs may be narrower than the digit, in the emulation
  for (int i = 0; i * kLimbBits < shift + width; ++i) {
    window |= uint64_t{exponent[limb + i]} << (i * kLimbBits);
  }
  return static_cast<int>(window >> shift) & ((1 << width) - 1);
}

}  // namespace pyfate_cuda
