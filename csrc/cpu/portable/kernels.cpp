// SPDX-License-Identifier: Apache-2.0
#include "cpu/portable/kernels.h"

#include "cpu/generic/kernels.h"
#include "cpu/portable/arithmetic.h"

namespace pyfate::portable {

const KernelTable* kernels_for(int bits) {
  switch (limbs_for(bits)) {
#define PYFATE_SIZE(N) \
  case N:              \
    return &generic::kKernels<Arithmetic<N>>;
#include "cpu/portable/sizes.def"
    default:
      return &generic::kKernels<Arithmetic<0>>;
  }
}

int limbs_for(int bits) {
  return Arithmetic<0>::limbs_for(bits);
}

std::uint64_t multiply_limbs(std::uint64_t* words, std::uint64_t count, std::uint64_t rounds) {
  constexpr std::uint64_t kBlock = 8;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const std::uint64_t factor = words[0] ^ round;
    for (std::uint64_t j = 0; j + kBlock <= count; j += kBlock) {
#pragma GCC unroll 8
      for (std::uint64_t i = 0; i < kBlock; ++i) {
        const unsigned __int128 product = static_cast<unsigned __int128>(factor) * words[j + i];
        // Used, as far as the compiler knows; adding products up would keep the multiplier waiting.
        __asm__ volatile(""
                         :
                         : "r"(static_cast<std::uint64_t>(product >> 64)),
                           "r"(static_cast<std::uint64_t>(product)));
      }
    }
  }
  return rounds * (count - count % kBlock);
}

}  // namespace pyfate::portable
