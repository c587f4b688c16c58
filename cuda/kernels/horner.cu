// SPDX-License-Identifier: Apache-2.0
// Products of powers of two: the bits of a bucket multi-exponentiation put together.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL horner_kernel(Modulus modulus, Rows<H> out, Rows<H> a, int bits, int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> x = ring.slot(0), z = ring.slot(1);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(x, a[(bits - 1) * rows + row]);
    PYFATE_NO_UNROLL for (int b = bits - 2; b >= 0; --b) {
      ring.square(z, x);
      ring.multiply(x, z, a[b * rows + row]);
    }
    copy(out[row], x);
  }
}

}  // namespace

template <int H>
Status horner(const Modulus& modulus, const HornerArguments& arguments, Stream stream) {
  return launch(horner_kernel<H>, row_shape<H>(arguments.rows, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, nullptr}, arguments.bits,
                arguments.rows);
}

#define PYFATE_SIZE(H) template Status horner<H>(const Modulus&, const HornerArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
