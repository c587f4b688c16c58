// SPDX-License-Identifier: Apache-2.0
// The engine of avx512ifma without its intrinsics, every sum of which is checked for overflow.
#define PYFATE_VERIFY
#include "cpu/emulated/arithmetic.h"
#include "simd_arithmetic_checks.h"

int main() {
  using pyfate::emulated::Arithmetic;
  simd_test::check_arithmetic<Arithmetic<20>>({1024, 1001, 961});
  simd_test::check_arithmetic<Arithmetic<40>>({2048, 2047});
  simd_test::check_arithmetic<Arithmetic<0>>({3, 64, 128, 256, 257, 514, 1536, 3072, 8192});
  std::puts("ok");
}
