// SPDX-License-Identifier: Apache-2.0
#include "group/packed.h"

#include <algorithm>
#include <bit>

#include "cpu/portable/column.h"

namespace pyfate {

using Wide = unsigned __int128;

void cut_bits(const std::uint64_t* words, std::size_t count, int offset, int bits,
              std::uint64_t* out, std::size_t out_words) {
  const std::size_t first = static_cast<std::size_t>(offset) / 64;
  const int shift = offset % 64;
  for (std::size_t i = 0; i < out_words; ++i) {
    const std::size_t at = first + i;
    std::uint64_t word = at < count ? words[at] >> shift : 0;
    if (shift != 0 && at + 1 < count) word |= words[at + 1] << (64 - shift);
    const std::size_t low_bit = 64 * i;
    const std::size_t limit = static_cast<std::size_t>(bits);
    if (low_bit >= limit) {
      word = 0;
    } else if (limit - low_bit < 64) {
      word &= (std::uint64_t{1} << (limit - low_bit)) - 1;
    }
    out[i] = word;
  }
}

void recompose(const std::uint64_t* low, const std::uint64_t* high, const std::uint64_t* n,
               std::size_t words, std::uint64_t* out) {
  portable::Column sum;
  for (std::size_t k = 0; k < 2 * words; ++k) {
    if (k < words) sum.add(low[k]);
    const std::size_t first = k < words ? 0 : k - words + 1;
    const std::size_t end = std::min(k + 1, words);
    sum.add_products(static_cast<int>(end - first), portable::Factors{high + first, n + k - first});
    out[k] = sum.low();
    sum.shift();
  }
}

std::uint64_t residue_of(const std::int64_t* value, std::size_t value_words, const std::uint64_t* n,
                         std::size_t words, std::uint64_t* out) {
  const auto sign = static_cast<std::uint64_t>(value[value_words - 1] >> 63);
  std::uint64_t carry = 0;
  std::uint64_t borrow = 0;
  std::uint64_t stray = 0;  // words beyond the modulus that are not the sign
  for (std::size_t i = 0; i < std::max(words, value_words); ++i) {
    const std::uint64_t word = i < value_words ? static_cast<std::uint64_t>(value[i]) : sign;
    if (i >= words) {
      stray |= word ^ sign;
      continue;
    }
    const Wide sum = static_cast<Wide>(word) + (n[i] & sign) + carry;
    out[i] = static_cast<std::uint64_t>(sum);
    carry = static_cast<std::uint64_t>(sum >> 64);
    borrow = static_cast<std::uint64_t>((static_cast<Wide>(out[i]) - n[i] - borrow) >> 64) & 1;
  }
  // Now value + (value < 0 ? n : 0) = out + 2^(64 words) * (sign + carry, as a signed digit); it
  // must be in [0, n): the digit zero and out < n. -n itself gives out = 0, carry 1, and is zero:
  // |value| = n is let through there, as the residue 0, which is right.
  const std::uint64_t digit = sign + carry;
  const std::uint64_t wrong = stray | digit | (borrow ^ 1);
  return wrong == 0 ? ~std::uint64_t{0} : 0;
}

bool magnitude_of(const std::int64_t* value, std::size_t count, std::uint64_t* out) {
  const auto sign = static_cast<std::uint64_t>(value[count - 1] >> 63);
  std::uint64_t carry = sign & 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t flipped = static_cast<std::uint64_t>(value[i]) ^ sign;
    out[i] = flipped + carry;
    carry = out[i] < carry ? 1 : 0;
  }
  return sign != 0;
}

int bit_length(const std::uint64_t* words, std::size_t count) {
  while (count > 0 && words[count - 1] == 0) --count;
  if (count == 0) return 0;
  return 64 * static_cast<int>(count - 1) + static_cast<int>(std::bit_width(words[count - 1]));
}

bool less_than(const std::uint64_t* a, const std::uint64_t* b, std::size_t count) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < count; ++i) {
    borrow = static_cast<std::uint64_t>((static_cast<Wide>(a[i]) - b[i] - borrow) >> 64) & 1;
  }
  return borrow != 0;
}

}  // namespace pyfate
