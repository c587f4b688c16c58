// SPDX-License-Identifier: Apache-2.0
// Products of ciphertexts: the addition of plaintexts.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <template <int> class Ring, int H>
PYFATE_KERNEL multiply_kernel(Modulus modulus, Rows<H> out, Rows<H> a, Rows<H> b, int64_t rows) {
  const Ring<H> ring(modulus);
  const auto x = ring.slot(0), z = ring.slot(1);
  for (int64_t first = ring.first(); first < rows; first += ring.stride()) {
    const int64_t row = ring.row(first, rows);
    ring.copy(x, a[row]);
    ring.multiply(z, x, b[row]);
    ring.copy(out[row], z);
  }
}

template <template <int> class Ring, int H>
PYFATE_KERNEL square_kernel(Modulus modulus, Rows<H> out, Rows<H> a, int64_t rows) {
  const Ring<H> ring(modulus);
  const auto x = ring.slot(0), z = ring.slot(1);
  for (int64_t first = ring.first(); first < rows; first += ring.stride()) {
    const int64_t row = ring.row(first, rows);
    ring.copy(x, a[row]);
    ring.square(z, x);
    ring.copy(out[row], z);
  }
}

template <template <int> class Ring, int H>
Status multiply_by(const Modulus& modulus, const MultiplyArguments& arguments, Stream stream) {
  return launch(multiply_kernel<Ring, H>, row_shape<H, Ring>(arguments.rows, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, arguments.a_index},
                Rows<H>{arguments.b, arguments.b_index}, arguments.rows);
}

}  // namespace

template <int H>
Status multiply(const Modulus& modulus, const MultiplyArguments& arguments, Stream stream) {
  return (arguments.team ? multiply_by<Team, H> : multiply_by<BaseN, H>)(modulus, arguments,
                                                                         stream);
}

template <int H>
Status square(const Modulus& modulus, const SquareArguments& arguments, Stream stream) {
  const auto [out, a, team, rows] = arguments;
  // A team squares by a product.
  if (team) return multiply_by<Team, H>(modulus, {out, a, nullptr, a, nullptr, team, rows}, stream);
  return launch(square_kernel<BaseN, H>, row_shape<H>(rows, 2), stream, modulus,
                Rows<H>{out, nullptr}, Rows<H>{a, nullptr}, rows);
}

#define PYFATE_SIZE(H)                                                           \
  template Status multiply<H>(const Modulus&, const MultiplyArguments&, Stream); \
  template Status square<H>(const Modulus&, const SquareArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
