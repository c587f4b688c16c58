// SPDX-License-Identifier: Apache-2.0
// Powers with fixed windows: every row takes the same steps, whatever its exponent.
//
// Each thread (or team) keeps the powers a^0 ... a^(2^window - 1) of its row in device memory, out
// of which the multiplications read one operand. Table addresses depend on the exponent: see
// docs/algorithms/gpu-kernels.md on side channels.
#include "pyfate_cuda/digits.h"
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <template <int> class Ring, int H>
PYFATE_KERNEL power_kernel(Modulus modulus, Rows<H> out, Rows<H> a, Exponents exponents, int window,
                           uint4* scratch, int64_t rows) {
  const Ring<H> ring(modulus);
  auto x = ring.slot(0), z = ring.slot(1);
  const int entries = 1 << window;
  const Rows<H> table{scratch + ring.place() * entries * (2 * H / kQuad), nullptr};
  const int windows = (exponents.bits + window - 1) / window;
  for (int64_t first = ring.first(); first < rows; first += ring.stride()) {
    const int64_t row = ring.row(first, rows);
    ring.copy(table[0], ring.one());
    ring.copy(x, ring.one());
    PYFATE_NO_UNROLL for (int i = 1; i < entries; ++i) {
      ring.multiply(z, x, a[row]);
      ring.copy(table[i], z);
      swap(x, z);
    }
    const Limb* exponent = exponents[row];
    ring.copy(x, table[digit(exponent, exponents.bits, (windows - 1) * window, window)]);
    PYFATE_NO_UNROLL for (int w = windows - 2; w >= 0; --w) {
      PYFATE_NO_UNROLL for (int i = 0; i < window; ++i) {
        ring.square(z, x);
        swap(x, z);
      }
      ring.multiply(z, x, table[digit(exponent, exponents.bits, w * window, window)]);
      swap(x, z);
    }
    ring.copy(out[row], x);
  }
}

template <template <int> class Ring, int H>
Status power_by(const Modulus& modulus, const PowerArguments& arguments, Stream stream) {
  LaunchShape shape = row_shape<H, Ring>(arguments.rows, 2);
  const unsigned blocks = static_cast<unsigned>(arguments.blocks);
  if (shape.blocks > blocks) shape.blocks = blocks;
  const Exponents exponents{arguments.exponents, arguments.exponent_index,
                            arguments.exponent_stride, arguments.exponent_bits};
  return launch(power_kernel<Ring, H>, shape, stream, modulus, Rows<H>{arguments.out, nullptr},
                Rows<H>{arguments.a, arguments.a_index}, exponents, arguments.window,
                arguments.scratch, arguments.rows);
}

}  // namespace

template <int H>
Status power(const Modulus& modulus, const PowerArguments& arguments, Stream stream) {
  return (arguments.team ? power_by<Team, H> : power_by<BaseN, H>)(modulus, arguments, stream);
}

#define PYFATE_SIZE(H) template Status power<H>(const Modulus&, const PowerArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
