// SPDX-License-Identifier: Apache-2.0
// The AVX-512 IFMA engine, where the CPU has it.
#include "cpu/avx512ifma/arithmetic.h"
#include "simd_arithmetic_checks.h"

int main() {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512ifma")) {
    std::puts("skipped: this CPU has no AVX-512 IFMA");
    return 0;
  }
  using pyfate::avx512ifma::Arithmetic;
  simd_test::check_arithmetic<Arithmetic<20>>({1024, 1001, 961});
  simd_test::check_arithmetic<Arithmetic<40>>({2048, 2047});
  simd_test::check_arithmetic<Arithmetic<60>>({3072});
  simd_test::check_arithmetic<Arithmetic<0>>({3, 64, 128, 256, 257, 514, 1536, 3072, 4096});
  std::puts("ok");
}
