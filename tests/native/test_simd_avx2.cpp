// SPDX-License-Identifier: Apache-2.0
// The AVX2 engine, where the CPU has AVX2.
#include "cpu/avx2/arithmetic.h"
#include "simd_arithmetic_checks.h"

int main() {
  if (!__builtin_cpu_supports("avx2")) {
    std::puts("skipped: this CPU has no AVX2");
    return 0;
  }
  using pyfate::avx2::Arithmetic;
  simd_test::check_arithmetic<Arithmetic<37>>({1024, 1001});
  simd_test::check_arithmetic<Arithmetic<74>>({2048, 2047});
  simd_test::check_arithmetic<Arithmetic<0>>({3, 64, 128, 256, 257, 514, 1536, 3072, 4096, 8192});
  std::puts("ok");
}
