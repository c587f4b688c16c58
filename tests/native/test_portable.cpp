// SPDX-License-Identifier: Apache-2.0
// The portable engine: column by column, and row by row where the CPU has BMI2 and ADX.
#include "cpu/features.h"
#include "cpu/portable/arithmetic.h"
#include "cpu/portable/rows.h"
#include "simd_arithmetic_checks.h"

int main() {
  using pyfate::portable::Arithmetic;
  using pyfate::portable::Columns;
  simd_test::check_arithmetic<Arithmetic<16, Columns<16>>>({1024, 1001, 961});
  simd_test::check_arithmetic<Arithmetic<32, Columns<32>>>({2048, 2047});
  simd_test::check_arithmetic<Arithmetic<0, Columns<0>>>({64, 65, 257, 514, 1536, 3072, 8192});
#if defined(__x86_64__)
  if (pyfate::missing_adx() == nullptr) {
    using pyfate::portable::Rows;
    simd_test::check_arithmetic<Arithmetic<8, Rows>>({512, 449});
    simd_test::check_arithmetic<Arithmetic<32, Rows>>({2048, 2047});
    simd_test::check_arithmetic<Arithmetic<0, Rows>>({449, 512, 1024, 1536, 2047, 3072, 8192});
  } else {
    std::puts("no rows: this CPU has no BMI2 and ADX");
  }
#endif
  std::puts("ok");
}
