// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pyfate/kernel_table.h"

namespace pyfate::avx512ifma {

const KernelTable* kernels_for(int bits);
int limbs_for(int bits);

}  // namespace pyfate::avx512ifma
