// SPDX-License-Identifier: Apache-2.0
#include "cpu/portable/kernels.h"

#include "cpu/features.h"
#include "cpu/generic/kernels.h"
#include "cpu/portable/arithmetic.h"
#include "cpu/portable/rows.h"

namespace pyfate::portable {

namespace {

/// For halves of N words, or of any number of words with N = 0.
template <int N>
const KernelTable* kernels_of(int words) {
#if defined(__x86_64__)
  if (words % Rows::kWidth == 0 && missing_adx() == nullptr) {
    return &generic::kKernels<Arithmetic<N, Rows>>;
  }
#endif
  return &generic::kKernels<Arithmetic<N>>;
}

}  // namespace

const KernelTable* kernels_for(int bits) {
  // Keys of 1024, 2048, 3072 and 4096 bits, and their primes; anything else at run-time size.
  const int words = limbs_for(bits);
  switch (words) {
    case 8:
      return kernels_of<8>(words);
    case 16:
      return kernels_of<16>(words);
    case 24:
      return kernels_of<24>(words);
    case 32:
      return kernels_of<32>(words);
    case 48:
      return kernels_of<48>(words);
    case 64:
      return kernels_of<64>(words);
    default:
      return kernels_of<0>(words);
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
