// SPDX-License-Identifier: Apache-2.0
// Where the numbers of a thread lie, and how a block of them gets into registers.
//
// A half is H limbs, a number two halves (c0, c1) with c = c0 + c1 n. Rows lie in device memory,
// one number after the other. Slots lie in shared memory, one number a thread, interleaved so that
// the 16-byte accesses of a warp meet no bank conflict.
#pragma once

#include "pyfate_cuda/column_sum.h"

namespace pyfate_cuda {

constexpr int kQuad = 4;  // limbs of one 16-byte access

// H limbs whose quads are kStride quads apart.
template <int H, int kStride>
struct Half {
  static constexpr int kQuads = H / kQuad;
  uint4* at;

  PYFATE_DEVICE void load_block(int k, Block& x) const {
    PYFATE_UNROLL for (int g = 0; g < kBlock / kQuad; ++g) {
      const uint4 v = at[(k * (kBlock / kQuad) + g) * kStride];
      x[kQuad * g] = v.x;
      x[kQuad * g + 1] = v.y;
      x[kQuad * g + 2] = v.z;
      x[kQuad * g + 3] = v.w;
    }
  }
  PYFATE_DEVICE void store_block(int k, const Block& x) const {
    PYFATE_UNROLL for (int g = 0; g < kBlock / kQuad; ++g) {
      at[(k * (kBlock / kQuad) + g) * kStride] =
          uint4{x[kQuad * g], x[kQuad * g + 1], x[kQuad * g + 2], x[kQuad * g + 3]};
    }
  }
};

template <int H, int kStride>
struct Number {
  uint4* at;

  PYFATE_DEVICE Half<H, kStride> half(int i) const { return {at + i * (H / kQuad) * kStride}; }
};

template <int H>
using Row = Number<H, 1>;  // in device memory
template <int H>
using Slot = Number<H, kLanes>;  // in shared memory

// Copies quads from one layout to another.
template <int H, int kTo, int kFrom>
PYFATE_DEVICE void copy(Half<H, kTo> to, Half<H, kFrom> from) {
  PYFATE_NO_UNROLL for (int i = 0; i < H / kQuad; ++i) to.at[i * kTo] = from.at[i * kFrom];
}

template <int H, int kTo, int kFrom>
PYFATE_DEVICE void copy(Number<H, kTo> to, Number<H, kFrom> from) {
  copy(to.half(0), from.half(0));
  copy(to.half(1), from.half(1));
}

// Makes a half the small integer v.
template <int H, int kStride>
PYFATE_DEVICE void fill(Half<H, kStride> out, Limb v) {
  PYFATE_NO_UNROLL for (int i = 0; i < H / kQuad; ++i) {
    out.at[i * kStride] = uint4{i == 0 ? v : 0, 0, 0, 0};
  }
}

template <int H, int kA, int kB>
PYFATE_DEVICE bool equal(Half<H, kA> a, Half<H, kB> b) {
  Limb difference = 0;
  PYFATE_NO_UNROLL for (int i = 0; i < H / kQuad; ++i) {
    const uint4 x = a.at[i * kA], y = b.at[i * kB];
    difference |= (x.x ^ y.x) | (x.y ^ y.y) | (x.z ^ y.z) | (x.w ^ y.w);
  }
  return difference == 0;
}

// Exchanges the places of two slots, not their contents.
template <int H, int kStride>
PYFATE_DEVICE void swap(Number<H, kStride>& a, Number<H, kStride>& b) {
  const Number<H, kStride> before = a;
  a = b;
  b = before;
}

// Rows of numbers in device memory, reached directly or through an index.
template <int H>
struct Rows {
  uint4* at;
  const int64_t* index;  // null: row i is number i

  PYFATE_DEVICE Row<H> operator[](int64_t i) const {
    return {at + (index ? index[i] : i) * (2 * H / kQuad)};
  }
};

}  // namespace pyfate_cuda
