// SPDX-License-Identifier: Apache-2.0
// A table of powers of one base, in windows of two adjacent widths, within a budget of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "context/modulus.h"

namespace pyfate {

class PowerTable {
 public:
  /// Powers base^e * sign_base^b for e of exponent_bits bits and one bit b that follows them. The
  /// fewest windows whose entries fit table_bytes; a window a bit when nothing fits.
  PowerTable(const Modulus& modulus, const Integer& base, int exponent_bits,
             const Integer& sign_base, std::size_t table_bytes, const Run& run);

  FixedBaseTable view() const {
    return {entries_.data(), windows_.data(), static_cast<int>(windows_.size())};
  }
  /// Exponent bits including the sign bit, and the words they come in.
  int bits() const { return bits_; }
  int exponent_words() const { return (bits_ + 63) / 64; }
  double products() const { return static_cast<double>(windows_.size()); }

 private:
  void choose_windows(std::size_t most_entries);

  int bits_;
  std::vector<Window> windows_;
  std::size_t entry_count_ = 0;
  Words entries_;
};

}  // namespace pyfate
