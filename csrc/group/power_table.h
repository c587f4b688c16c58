// SPDX-License-Identifier: Apache-2.0
// A table of powers of one base, in windows of two adjacent widths, within a budget of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "group/modulus.h"

namespace pyfate {

class PowerTable {
 public:
  /// Powers base^e * sign_base^b, of units mod n, for e of exponent_bits bits and one bit b that
  /// follows them. The fewest windows whose entries fit table_bytes; a window a bit when nothing
  /// fits. A hardened table has narrow windows, which `powers` reads whole: no address depends on
  /// an exponent.
  PowerTable(const Modulus& modulus, const Integer& base, int exponent_bits,
             const Integer& sign_base, std::size_t table_bytes, bool hardened, const Run& run);

  /// out rows [0, count) = the powers for `count` exponents; of the modulus it was made with.
  void powers(const Modulus& modulus, const std::uint64_t* exponents, std::size_t count,
              std::uint64_t* out) const;
  /// Exponent bits including the sign bit, and the words they come in.
  int bits() const { return bits_; }
  int exponent_words() const { return (bits_ + 63) / 64; }
  /// What a power costs, in multiplications mod n^2: 4 h^2 a window, where one of them is 5 h^2.
  double products() const { return 0.8 * static_cast<double>(windows_.size()); }

 private:
  friend struct SecretsOf;  // tests/native/test_constant_time.cpp

  void choose_windows(std::size_t most_entries);

  int bits_;
  bool hardened_;
  std::vector<Window> windows_;
  std::size_t entry_count_ = 0;
  SecretWords entries_;  ///< those mod p^2 give p away
};

/// `count` exponents of table.bits() bits each.
void draw_exponents(const PowerTable& table, class ChaCha20& random, std::size_t count,
                    std::uint64_t* out);

}  // namespace pyfate
