// SPDX-License-Identifier: Apache-2.0
// Out of the form: numbers become canonical integers below n^2.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL leave_kernel(Modulus modulus, uint4* out, Rows<H> a, int64_t rows) {
  const BaseN<H> ring(modulus);
  const Slot<H> x = ring.slot(0), z = ring.slot(1), unit = ring.slot(2);
  fill(unit.half(0), 1);
  fill(unit.half(1), 0);
  for (int64_t row = first_row(); row < rows; row += row_stride()) {
    copy(x, a[row]);
    ring.multiply(z, x, unit);
    ring.make_canonical(z);
    ring.join(Half<2 * H, 1>{out + row * (2 * H / kQuad)}, z.half(0), z.half(1), ring.n());
  }
}

}  // namespace

template <int H>
Status leave(const Modulus& modulus, const LeaveArguments& arguments, Stream stream) {
  return launch(leave_kernel<H>, row_shape<H>(arguments.rows, 3), stream, modulus, arguments.out,
                Rows<H>{arguments.a, nullptr}, arguments.rows);
}

#define PYFATE_SIZE(H) template Status leave<H>(const Modulus&, const LeaveArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
