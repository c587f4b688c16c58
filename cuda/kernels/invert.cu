// SPDX-License-Identifier: Apache-2.0
// Batched inversion (Montgomery's trick): three multiplications a row and one inversion for all.
//
// Rows form chains, row i following row i - chains. The way down leaves the products of all chains
// in the last rows; the caller inverts those (by the same two kernels, the last one on the host),
// and the way back peels the inverses of single rows off them.
#include "pyfate_cuda/launch.h"

namespace pyfate_cuda {
namespace {

template <int H>
PYFATE_KERNEL prefix_products_kernel(Modulus modulus, Rows<H> out, Rows<H> a, int64_t chains,
                                     int64_t rows) {
  const BaseN<H> ring(modulus);
  Slot<H> x = ring.slot(0), z = ring.slot(1);
  for (int64_t chain = first_row(); chain < chains; chain += row_stride()) {
    copy(x, a[chain]);
    int64_t row = chain;
    PYFATE_NO_UNROLL for (; row + chains < rows; row += chains) {
      copy(out[row], x);
      ring.multiply(z, x, a[row + chains]);
      swap(x, z);
    }
    copy(out[row], x);
  }
}

template <int H>
PYFATE_KERNEL unwind_inverses_kernel(Modulus modulus, Rows<H> out, Rows<H> a, Rows<H> prefixes,
                                     Rows<H> inverses, int64_t chains, int64_t rows) {
  const BaseN<H> ring(modulus);
  Slot<H> x = ring.slot(0), z = ring.slot(1);
  for (int64_t chain = first_row(); chain < chains; chain += row_stride()) {
    copy(x, inverses[chain]);
    // The last row of this chain, then up.
    PYFATE_NO_UNROLL for (int64_t row = chain + (rows - 1 - chain) / chains * chains; row > chain;
                          row -= chains) {
      PYFATE_NO_UNROLL for (int i = 0; i < 2; ++i) {
        ring.multiply(z, x, i == 0 ? prefixes[row - chains] : a[row]);
        if (i == 0) copy(out[row], z);
      }
      swap(x, z);
    }
    copy(out[chain], x);
  }
}

}  // namespace

template <int H>
Status prefix_products(const Modulus& modulus, const PrefixProductsArguments& arguments,
                       Stream stream) {
  return launch(prefix_products_kernel<H>, row_shape<H>(arguments.chains, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, nullptr}, arguments.chains,
                arguments.rows);
}

template <int H>
Status unwind_inverses(const Modulus& modulus, const UnwindInversesArguments& arguments,
                       Stream stream) {
  return launch(unwind_inverses_kernel<H>, row_shape<H>(arguments.chains, 2), stream, modulus,
                Rows<H>{arguments.out, nullptr}, Rows<H>{arguments.a, nullptr},
                Rows<H>{arguments.prefixes, nullptr}, Rows<H>{arguments.inverses, nullptr},
                arguments.chains, arguments.rows);
}

#define PYFATE_SIZE(H)                                                                        \
  template Status prefix_products<H>(const Modulus&, const PrefixProductsArguments&, Stream); \
  template Status unwind_inverses<H>(const Modulus&, const UnwindInversesArguments&, Stream);
#include "sizes.def"

}  // namespace pyfate_cuda
