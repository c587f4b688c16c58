// SPDX-License-Identifier: Apache-2.0
// The two ends of decryption by the Chinese remainder theorem, after the power modulo p^2:
// the logarithm L(x) = (x - 1) / p, which in base p is the upper half itself, and the residue
// modulo n out of those modulo p and q.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL logarithm_kernel(Modulus modulus, uint4* out, Rows<H> a, uint4* factor,
                               uint32_t* failed, int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> x = ring.slot(0), z = ring.slot(1), unit = ring.slot(2);
  fill(unit.half(0), 1);
  fill(unit.half(1), 0);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(x, a[row]);
    ring.multiply(z, x, unit);
    ring.make_canonical(z);
    if (!equal(z.half(0), unit.half(0))) *failed = 1;
    ring.multiply_half(x.half(0), z.half(1), Half<H, 1>{factor});
    (void)ring.reduce_once(x.half(0));
    copy(Half<H, 1>{out + row * (H / kQuad)}, x.half(0));
  }
}

template <int H>
PYFATE_KERNEL recombine_kernel(Modulus modulus, uint4* out, uint4* residues_p, uint4* residues_q,
                               uint4* p, uint4* inverse, int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> residues = ring.slot(0), terms = ring.slot(1);
  const Half<H, kLanes> mp = residues.half(0), mq = residues.half(1);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(mp, Half<H, 1>{residues_p + row * (H / kQuad)});
    copy(mq, Half<H, 1>{residues_q + row * (H / kQuad)});
    // (mq - mp) / p modulo q
    PYFATE_NO_UNROLL for (int i = 0; i < 2; ++i) {
      ring.multiply_half(terms.half(i), residues.half(1 - i),
                         Half<H, 1>{inverse + i * (H / kQuad)});
    }
    ring.add_half_reduced(terms.half(0), terms.half(1));
    ring.join(Half<2 * H, 1>{out + row * (2 * H / kQuad)}, mp, terms.half(0), Half<H, 1>{p});
  }
}

}  // namespace

template <int H>
Status logarithm(const Modulus& modulus, const LogarithmArguments& arguments, Stream stream) {
  return launch(logarithm_kernel<H>, row_shape<H>(arguments.rows, 3), stream, modulus,
                arguments.out, Rows<H>{arguments.a, nullptr}, arguments.factor, arguments.failed,
                arguments.rows);
}

template <int H>
Status recombine(const Modulus& modulus, const RecombineArguments& arguments, Stream stream) {
  return launch(recombine_kernel<H>, row_shape<H>(arguments.rows, 2), stream, modulus,
                arguments.out, arguments.residues_p, arguments.residues_q, arguments.p,
                arguments.inverse, arguments.rows);
}

#define PYFATE_SIZE(H)                                                             \
  template Status logarithm<H>(const Modulus&, const LogarithmArguments&, Stream); \
  template Status recombine<H>(const Modulus&, const RecombineArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
