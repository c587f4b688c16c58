// SPDX-License-Identifier: Apache-2.0
// Vectors of integers under sums of ChaCha20 streams, written as the lower bytes of each element.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cpu/parallel.h"
#include "pyfate/masking.h"

namespace pyfate {

/// The masking kernels of an instruction set by its name, or of the best one of this processor for
/// an empty name. Throws std::invalid_argument when it is unknown or not usable here.
const MaskingKernels& masking_kernels(const std::string& isa);

/// Where a piece of a vector goes, and what computes it: `out` takes `element_bytes` for each
/// element, which are the lower bytes of a word of `streams.lane_bytes`; its first element is
/// number `start` of the streams.
struct MaskedVector {
  StreamSet streams;
  std::uint64_t start;
  int element_bytes;
  unsigned char* out;
  const MaskingKernels* kernels;
};

/// A source of rounding words: of the stream of `key`, from word `start` on; none where it is null.
struct RoundingWords {
  const std::uint32_t* key;
  std::uint64_t start;
};

/// Rounds, multiplies by `weight` and masks. Nothing of the output is of use where
/// counts.not_finite is not 0.
template <class Float>
ClipCounts mask_values(const Float* values, std::size_t count, const Rounding& rounding,
                       std::uint64_t weight, const RoundingWords& words, const MaskedVector& to,
                       const Run& run);

/// Masks integers as they are, in two's complement.
void mask_integers(const std::int64_t* values, std::size_t count, const MaskedVector& to,
                   const Run& run);

}  // namespace pyfate
