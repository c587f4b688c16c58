// SPDX-License-Identifier: Apache-2.0
// Numbers, sizes and choices out of the bytes of a fuzzer, and plain arithmetic to compare with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bigint/integer.h"
#include "pyfate/instruction_set.h"

namespace fuzz {

using pyfate::Integer;

/// What a fuzzer calls a finding.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "FAILED: %s\n", what);
  std::abort();
}

/// Reads from the front; zeros once the bytes are used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  bool empty() const { return size_ == 0; }
  unsigned byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  /// In [0, count).
  unsigned choice(unsigned count) { return (byte() << 8 | byte()) % count; }
  /// A number of at most `bits` bits: bytes as they come, or one that makes carries run.
  Integer number(int bits) {
    const unsigned kind = byte();
    const Integer small(kind >> 2);
    const Integer all = Integer::power_of_two(bits);
    switch (kind % 4) {
      case 0:
        return small % all;
      case 1:
        return (all - 1) - small % all;
      case 2:
        return (Integer::power_of_two(static_cast<int>(choice(static_cast<unsigned>(bits)))) + all -
                1 - small % all) %
               all;
      default:
        break;
    }
    std::vector<unsigned char> bytes((static_cast<std::size_t>(bits) + 7) / 8);
    for (unsigned char& value : bytes) value = static_cast<unsigned char>(byte());
    return Integer::from_bytes(bytes.data(), bytes.size()) % all;
  }
  Integer below(const Integer& bound) { return number(bound.bits()) % bound; }

  const pyfate::InstructionSet& instruction_set() {
    std::vector<const pyfate::InstructionSet*> usable;
    for (const pyfate::InstructionSet& set : pyfate::instruction_sets()) {
      if (set.missing() == nullptr) usable.push_back(&set);
    }
    return *usable[byte() % usable.size()];
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

/// base^exponent mod modulus, bit by bit.
inline Integer power(const Integer& base, const Integer& exponent, const Integer& modulus) {
  Integer result = Integer(1) % modulus;
  for (int bit = exponent.bits(); bit-- > 0;) {
    result = result * result % modulus;
    if ((exponent >> bit).is_odd()) result = result * base % modulus;
  }
  return result;
}

}  // namespace fuzz
