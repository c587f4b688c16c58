// SPDX-License-Identifier: Apache-2.0
// What masking an update takes of one instruction set: sums of ChaCha20 streams, and rounding.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pyfate {

/// Streams that are added (sign 1) or subtracted (-1) as words of `lane_bytes` bytes, which wrap
/// around.
struct StreamSet {
  const std::uint32_t* keys;  // eight words each
  const std::int8_t* signs;
  std::size_t count;
  int lane_bytes;  // 1, 2, 4, 8
};

/// value / clip * levels, clipped, plus a multiple of 2^-bits below 1, rounded down; or to the
/// nearest.
struct Rounding {
  double clip;
  double levels;  // below 2^31
  int bits;       // of a word that are used: the highest; 0 without a word
  double scale;   // 2^-bits
};

/// Values beyond the clip, beyond a quarter of it, and those that are not finite once scaled.
struct ClipCounts {
  std::uint64_t clipped = 0;
  std::uint64_t large = 0;
  std::uint64_t not_finite = 0;
};

struct MaskingKernels {
  std::size_t lanes;  // blocks that are made side by side
  /// Writes the sum of the streams from `block` on, `groups` times `lanes` blocks of 16 words.
  void (*sum_streams)(const StreamSet& set, std::uint64_t block, std::size_t groups,
                      std::uint32_t* out);
  /// Levels of values; `words` is null where `bits` is 0.
  void (*round_floats)(const float* values, std::size_t count, const Rounding& rounding,
                       const std::uint32_t* words, std::int32_t* out, ClipCounts& counts);
  void (*round_doubles)(const double* values, std::size_t count, const Rounding& rounding,
                        const std::uint32_t* words, std::int32_t* out, ClipCounts& counts);
};

}  // namespace pyfate
