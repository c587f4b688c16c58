// SPDX-License-Identifier: Apache-2.0
// Into the form: canonical integers become numbers.
//
// A canonical integer is read in base R, c = w0 + w1 R + ...; the product of the number (wj, 0) by
// R^(j+2), divided by R as every product is, is wj R^j in Montgomery form.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL enter_kernel(Modulus modulus, Rows<H> out, uint4* canonical, int pieces,
                           int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> sum = ring.slot(0), piece = ring.slot(1), term = ring.slot(2);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    fill(sum.half(0), 0);
    fill(sum.half(1), 0);
    PYFATE_NO_UNROLL for (int j = 0; j < pieces; ++j) {
      copy(piece.half(0), Half<H, 1>{canonical + (row * pieces + j) * (H / kQuad)});
      fill(piece.half(1), 0);
      ring.multiply(term, piece, ring.power_of_r(j + 2));
      ring.add(sum, term);
    }
    copy(out[row], sum);
  }
}

}  // namespace

template <int H>
Status enter(const Modulus& modulus, const EnterArguments& arguments, Stream stream) {
  return launch(enter_kernel<H>, row_shape<H>(arguments.rows, 3), stream, modulus,
                Rows<H>{arguments.out, nullptr}, arguments.canonical, arguments.pieces,
                arguments.rows);
}

#define PYFATE_SIZE(H) template Status enter<H>(const Modulus&, const EnterArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
