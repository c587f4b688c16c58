// SPDX-License-Identifier: Apache-2.0
// The scalar integers that everything else is compared with, against the laws of arithmetic and,
// where numbers fit, against the compiler's.
#include "input.h"

using fuzz::Integer;
using fuzz::require;

namespace {

unsigned __int128 small_value(const Integer& value) {
  std::uint64_t words[2];
  value.to_words(words, 2);
  return static_cast<unsigned __int128>(words[1]) << 64 | words[0];
}

void check_small(const Integer& a, const Integer& b) {
  const unsigned __int128 x = small_value(a);
  const unsigned __int128 y = small_value(b);
  if (a.bits() < 128 && b.bits() < 128) require(small_value(a + b) == x + y, "sum");
  if (a.bits() + b.bits() <= 128) require(small_value(a * b) == x * y, "product");
  if (a.bits() > 128 || b.bits() > 128 || b.is_zero()) return;
  require(small_value(a / b) == x / y && small_value(a % b) == x % y, "quotient");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const Integer a = input.number(1 + static_cast<int>(input.choice(1100)));
  const Integer b = input.number(1 + static_cast<int>(input.choice(1100)));
  const Integer c = input.number(1 + static_cast<int>(input.choice(300)));
  check_small(a, b);
  require((a + b) - b == a && (a + b) * c == a * c + b * c, "sums and products");
  const int shift = static_cast<int>(input.choice(200));
  require(a << shift == a * Integer::power_of_two(shift) && (a << shift) >> shift == a, "shifts");
  require(a.compare(b) == -b.compare(a) && (a.compare(b) == 0) == (a == b), "order");
  const auto limbs = a.to_limbs(52, (a.bits() + 51) / 52);
  Integer joined;
  for (std::size_t i = limbs.size(); i-- > 0;) joined = (joined << 52) + Integer(limbs[i]);
  require(joined == a, "limbs");
  if (!b.is_zero()) {
    const Integer quotient = a / b;
    const Integer remainder = a % b;
    require(remainder < b && quotient * b + remainder == a, "division");
  }
  Integer inverse;
  if (b > Integer(1)) {
    if (pyfate::invert_var(a, b, inverse)) {
      require(a * inverse % b == Integer(1) && inverse < b, "inverse");
    } else {
      Integer x = a % b;  // Euclid finds the common factor
      Integer y = b;
      while (!x.is_zero()) {
        const Integer rest = y % x;
        y = x;
        x = rest;
      }
      require(y > Integer(1), "an inverse was not found");
    }
  }
  return 0;
}
