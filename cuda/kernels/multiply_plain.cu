// SPDX-License-Identifier: Apache-2.0
// Products by 1 + m n: the addition of a plaintext m. Only the upper half moves, by c0 m.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

// out = the residue of a two's complement integer v, |v| < n.
template <int H>
PYFATE_DEVICE void load_signed(const BaseN<H>& ring, Half<H, kLanes> out, const Limb* v,
                               int limbs) {
  const bool negative = (v[limbs - 1] >> (kLimbBits - 1)) != 0;
  const Limb extension = negative ? kLimbMax : 0;
  PYFATE_NO_UNROLL for (int i = 0; i < H; i += kQuad) {
    out.at[i / kQuad * kLanes] =
        uint4{i < limbs ? v[i] : extension,  //
              i + 1 < limbs ? v[i + 1] : extension, i + 2 < limbs ? v[i + 2] : extension,
              i + 3 < limbs ? v[i + 3] : extension};
  }
  ring.add_n(out, negative);
}

template <int H>
PYFATE_KERNEL multiply_plain_kernel(Modulus modulus, Rows<H> out, Rows<H> a, const Limb* plain,
                                    const int64_t* plain_index, int plain_limbs, int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> x = ring.slot(0), work = ring.slot(1);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(x, a[row]);
    const int64_t i = plain_index ? plain_index[row] : row;
    load_signed(ring, work.half(0), plain + i * plain_limbs, plain_limbs);
    ring.multiply_half(work.half(1), work.half(0), ring.power_of_r(2).half(0));  // m R
    ring.multiply_half(work.half(0), work.half(1), x.half(0));                   // c0 m
    ring.add_half_reduced(x.half(1), work.half(0));
    copy(out[row], x);
  }
}

}  // namespace

template <int H>
Status multiply_plain(const Modulus& modulus, const MultiplyPlainArguments& arguments,
                      Stream stream) {
  return launch(multiply_plain_kernel<H>, row_shape<H>(arguments.rows, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, arguments.a_index},
                arguments.plain, arguments.plain_index, arguments.plain_limbs, arguments.rows);
}

#define PYFATE_SIZE(H) \
  template Status multiply_plain<H>(const Modulus&, const MultiplyPlainArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
