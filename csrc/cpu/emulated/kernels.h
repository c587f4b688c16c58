// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pyfate/kernel_table.h"

namespace pyfate::emulated {

const KernelTable* kernels_for(int bits);
int limbs_for(int bits);
std::uint64_t multiply_limbs(std::uint64_t* words, std::uint64_t count, std::uint64_t rounds);

}  // namespace pyfate::emulated
