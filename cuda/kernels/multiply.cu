// SPDX-License-Identifier: Apache-2.0
// Products of ciphertexts: the addition of plaintexts.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL multiply_kernel(Modulus modulus, Rows<H> out, Rows<H> a, Rows<H> b, int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> x = ring.slot(0), z = ring.slot(1);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(x, a[row]);
    ring.multiply(z, x, b[row]);
    copy(out[row], z);
  }
}

template <int H>
PYFATE_KERNEL square_kernel(Modulus modulus, Rows<H> out, Rows<H> a, int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> x = ring.slot(0), z = ring.slot(1);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(x, a[row]);
    ring.square(z, x);
    copy(out[row], z);
  }
}

}  // namespace

template <int H>
Status multiply(const Modulus& modulus, const MultiplyArguments& arguments, Stream stream) {
  return launch(multiply_kernel<H>, row_shape<H>(arguments.rows, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, arguments.a_index},
                Rows<H>{arguments.b, arguments.b_index}, arguments.rows);
}

template <int H>
Status square(const Modulus& modulus, const SquareArguments& arguments, Stream stream) {
  return launch(square_kernel<H>, row_shape<H>(arguments.rows, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, nullptr}, arguments.rows);
}

#define PYFATE_SIZE(H)                                                           \
  template Status multiply<H>(const Modulus&, const MultiplyArguments&, Stream); \
  template Status square<H>(const Modulus&, const SquareArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
