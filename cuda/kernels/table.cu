// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include "pyfate_cuda/base_n.h"
#include "pyfate_cuda/kernel_table.h"

namespace pyfate_cuda {
namespace {

template <int H>
constexpr KernelTable table() {
  return {H,
          BaseN<H>::shared_bytes(BaseN<H>::kMostSlots),
          enter<H>,
          leave<H>,
          multiply<H>,
          square<H>,
          multiply_plain<H>,
          power<H>,
          fixed_base<H>,
          segment_multiply<H>,
          horner<H>,
          prefix_products<H>,
          unwind_inverses<H>,
          logarithm<H>,
          recombine<H>};
}

const KernelTable kTables[] = {
#define PYFATE_SIZE(H) table<H>(),
#include "sizes.def"
};

}  // namespace

KernelTables kernel_tables() {
  return {std::begin(kTables), std::end(kTables)};
}

int limb_bits() {
  return kLimbBits;
}

}  // namespace pyfate_cuda
