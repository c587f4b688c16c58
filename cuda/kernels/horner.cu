// SPDX-License-Identifier: Apache-2.0
// Products of powers of two: the bits of a bucket multi-exponentiation put together.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <template <int> class Ring, int H>
PYFATE_KERNEL horner_kernel(Modulus modulus, Rows<H> out, Rows<H> a, int bits, int64_t rows) {
  const Ring<H> ring(modulus);
  const auto x = ring.slot(0), z = ring.slot(1);
  for (int64_t first = ring.first(); first < rows; first += ring.stride()) {
    const int64_t row = ring.row(first, rows);
    ring.copy(x, a[(bits - 1) * rows + row]);
    PYFATE_NO_UNROLL for (int b = bits - 2; b >= 0; --b) {
      ring.square(z, x);
      ring.multiply(x, z, a[b * rows + row]);
    }
    ring.copy(out[row], x);
  }
}

template <template <int> class Ring, int H>
Status horner_by(const Modulus& modulus, const HornerArguments& arguments, Stream stream) {
  return launch(horner_kernel<Ring, H>, row_shape<H, Ring>(arguments.rows, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, nullptr}, arguments.bits,
                arguments.rows);
}

}  // namespace

template <int H>
Status horner(const Modulus& modulus, const HornerArguments& arguments, Stream stream) {
  return (arguments.team ? horner_by<Team, H> : horner_by<BaseN, H>)(modulus, arguments, stream);
}

#define PYFATE_SIZE(H) template Status horner<H>(const Modulus&, const HornerArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
