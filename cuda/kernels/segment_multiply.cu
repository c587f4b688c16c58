// SPDX-License-Identifier: Apache-2.0
// Products of segments: sums of ciphertexts, histograms, and the buckets of matrix products.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL segment_multiply_kernel(Modulus modulus, Rows<H> out, Rows<H> a,
                                      const int64_t* offsets, int64_t segments) {
  const BaseN<H> ring(modulus);
  Slot<H> x = ring.slot(0), z = ring.slot(1);
  for (int64_t segment = first_row(); segment < segments; segment += row_stride()) {
    const int64_t begin = offsets[segment], end = offsets[segment + 1];
    if (begin < end) {
      copy(x, a[begin]);
    } else {
      copy(x, ring.one());
    }
    PYFATE_NO_UNROLL for (int64_t j = begin + 1; j < end; ++j) {
      ring.multiply(z, x, a[j]);
      swap(x, z);
    }
    copy(out[segment], x);
  }
}

}  // namespace

template <int H>
Status segment_multiply(const Modulus& modulus, const SegmentMultiplyArguments& arguments,
                        Stream stream) {
  return launch(segment_multiply_kernel<H>, row_shape<H>(arguments.segments, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, arguments.index},
                arguments.offsets, arguments.segments);
}

#define PYFATE_SIZE(H) \
  template Status segment_multiply<H>(const Modulus&, const SegmentMultiplyArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
