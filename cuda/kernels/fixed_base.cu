// SPDX-License-Identifier: Apache-2.0
// Powers of a fixed base from a table of its windows: one multiplication a window, no squaring.
//
// Few rows leave most of the device idle; then the windows of a row are dealt out to several
// threads (parts), whose products the caller multiplies.
#include "pyfate_cuda/digits.h"
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL fixed_base_kernel(Modulus modulus, Rows<H> out, Rows<H> table, Rows<H> sign,
                                Exponents exponents, int window, int64_t rows) {
  const BaseN<H> ring(modulus);
  Slot<H> x = ring.slot(0), z = ring.slot(1);
  const int windows = (exponents.bits + window - 1) / window;
  const int part = blockIdx.y, parts = gridDim.y;
  const int end = windows * (part + 1) / parts;
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    const Limb* exponent = exponents[row];
    if (part == 0) {
      copy(x, sign[digit(exponent, exponents.bits + 1, exponents.bits, 1)]);
    } else {
      copy(x, ring.one());
    }
    PYFATE_NO_UNROLL for (int w = windows * part / parts; w < end; ++w) {
      const int64_t entry = digit(exponent, exponents.bits, w * window, window);
      ring.multiply(z, x, table[entry * windows + w]);
      swap(x, z);
    }
    copy(out[part * rows + row], x);
  }
}

}  // namespace

template <int H>
Status fixed_base(const Modulus& modulus, const FixedBaseArguments& arguments, Stream stream) {
  LaunchShape shape = row_shape<H>(arguments.rows, 2);
  shape.parts = static_cast<unsigned>(arguments.parts);
  const Exponents exponents{arguments.exponents, nullptr, arguments.exponent_stride,
                            arguments.exponent_bits};
  return launch(fixed_base_kernel<H>, shape, stream, modulus, Rows<H>{arguments.out, nullptr},
                Rows<H>{arguments.table, nullptr}, Rows<H>{arguments.sign, nullptr}, exponents,
                arguments.window, arguments.rows);
}

#define PYFATE_SIZE(H) \
  template Status fixed_base<H>(const Modulus&, const FixedBaseArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
