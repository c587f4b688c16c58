// SPDX-License-Identifier: Apache-2.0
// The instruction sets this build knows, best first.
#pragma once

#include <cstdint>
#include <vector>

#include "pyfate/kernel_table.h"

namespace pyfate {

struct InstructionSet {
  const char* name;
  /// Null when this CPU and operating system can run it, otherwise what is missing.
  const char* (*missing)();
  int radix_bits;
  /// Limbs of a half for a modulus of `bits` bits.
  int (*limbs_for)(int bits);
  const KernelTable* (*kernels_for)(int bits);
  /// Multiplies limbs over and over, `count` words `rounds` times, as fast as this processor can;
  /// returns how many products of limbs that were. For measuring what kernels could reach.
  std::uint64_t (*multiply_limbs)(std::uint64_t* words, std::uint64_t count, std::uint64_t rounds);
};

/// All instruction sets in the order they are tried.
const std::vector<InstructionSet>& instruction_sets();

/// The set of that name. Throws std::invalid_argument when it is unknown or not usable here.
const InstructionSet& instruction_set(const char* name);

}  // namespace pyfate
