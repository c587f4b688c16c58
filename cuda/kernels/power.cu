// SPDX-License-Identifier: Apache-2.0
// Powers with fixed windows: every row takes the same steps, whatever its exponent.
//
// Each thread keeps the powers a^0 ... a^(2^window - 1) of its row in device memory, out of which
// the multiplications read one operand. Table addresses depend on the exponent: see
// docs/algorithms/gpu-kernels.md on side channels.
#include "pyfate_cuda/digits.h"
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL power_kernel(Modulus modulus, Rows<H> out, Rows<H> a, Exponents exponents, int window,
                           uint4* scratch, int64_t rows) {
  const BaseN<H> ring(modulus);
  Slot<H> x = ring.slot(0), z = ring.slot(1);
  const int entries = 1 << window;
  const Rows<H> table{scratch + first_row() * entries * (2 * H / kQuad), nullptr};
  const int windows = (exponents.bits + window - 1) / window;
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(table[0], ring.one());
    copy(x, ring.one());
    PYFATE_NO_UNROLL for (int i = 1; i < entries; ++i) {
      ring.multiply(z, x, a[row]);
      copy(table[i], z);
      swap(x, z);
    }
    const Limb* exponent = exponents[row];
    copy(x, table[digit(exponent, exponents.bits, (windows - 1) * window, window)]);
    PYFATE_NO_UNROLL for (int w = windows - 2; w >= 0; --w) {
      PYFATE_NO_UNROLL for (int i = 0; i < window; ++i) {
        ring.square(z, x);
        swap(x, z);
      }
      ring.multiply(z, x, table[digit(exponent, exponents.bits, w * window, window)]);
      swap(x, z);
    }
    copy(out[row], x);
  }
}

}  // namespace

template <int H>
Status power(const Modulus& modulus, const PowerArguments& arguments, Stream stream) {
  LaunchShape shape = row_shape<H>(arguments.rows, 2);
  const unsigned blocks = static_cast<unsigned>(arguments.blocks);
  if (shape.blocks > blocks) shape.blocks = blocks;
  const Exponents exponents{arguments.exponents, arguments.exponent_index,
                            arguments.exponent_stride, arguments.exponent_bits};
  return launch(power_kernel<H>, shape, stream, modulus, Rows<H>{arguments.out, nullptr},
                Rows<H>{arguments.a, arguments.a_index}, exponents, arguments.window,
                arguments.scratch, arguments.rows);
}

#define PYFATE_SIZE(H) template Status power<H>(const Modulus&, const PowerArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
