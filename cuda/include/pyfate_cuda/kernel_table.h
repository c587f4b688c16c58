// SPDX-License-Identifier: Apache-2.0
// The operations of each size as function pointers, for callers that learn the size at run time.
#pragma once

#include "pyfate_cuda/operations.h"

namespace pyfate_cuda {

template <class Arguments>
using Operation = Status (*)(const Modulus&, const Arguments&, Stream);

struct KernelTable {
  int limbs;
  size_t shared_bytes;  // of a block, the most that a kernel takes
  Operation<EnterArguments> enter;
  Operation<LeaveArguments> leave;
  Operation<MultiplyArguments> multiply;
  Operation<SquareArguments> square;
  Operation<MultiplyPlainArguments> multiply_plain;
  Operation<PowerArguments> power;
  Operation<FixedBaseArguments> fixed_base;
  Operation<SegmentMultiplyArguments> segment_multiply;
  Operation<HornerArguments> horner;
  Operation<PrefixProductsArguments> prefix_products;
  Operation<UnwindInversesArguments> unwind_inverses;
  Operation<LogarithmArguments> logarithm;
  Operation<RecombineArguments> recombine;
};

// All sizes, ascending.
struct KernelTables {
  const KernelTable* begin_;
  const KernelTable* end_;
  const KernelTable* begin() const { return begin_; }
  const KernelTable* end() const { return end_; }
};
KernelTables kernel_tables();

// kLimbBits of the kernels.
int limb_bits();

}  // namespace pyfate_cuda
