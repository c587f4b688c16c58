// SPDX-License-Identifier: Apache-2.0
// Shares mod 2^128 (two words, the low one first), the masks they come from and the plaintexts they
// leave. Time and addresses depend on sizes only (docs/algorithms/sharing.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "bigint/integer.h"
#include "cpu/parallel.h"

namespace pyfate {

/// `count` signed numbers of `width` bits in one plaintext, width >= 2.
struct Slots {
  std::size_t width;
  std::size_t count;

  std::size_t bits() const { return width * count; }
  /// Of the plaintext as a signed integer.
  std::size_t words() const { return bits() / 64 + 1; }
};

/// Uniform words.
void draw_words(std::size_t count, std::uint64_t* out, const Run& run);

/// Masks uniform in [0, n), as signed integers of a word more than n has, and minus each mod 2^128.
void draw_residue_masks(const Integer& n, std::size_t rows, std::uint64_t* plain,
                        std::uint64_t* shares, const Run& run);

/// Masks uniform in [-2^(width - 2), 2^(width - 2)) for every slot, packed as signed integers of
/// slots.words(), and minus each mod 2^128, [rows, count, 2].
void draw_slot_masks(const Slots& slots, std::size_t rows, std::uint64_t* plain,
                     std::uint64_t* shares, const Run& run);

/// The slots of residues mod n, mod 2^128, [rows, count, 2]. Returns the first row that does not
/// fit its slots, or `rows`; shares then mean nothing. Precondition: slots.bits() < n.bits().
std::size_t unpack_shares(const Integer& n, const Slots& slots, const std::uint64_t* residues,
                          std::size_t rows, std::uint64_t* shares, const Run& run);

/// A matrix of words.
struct PlainMatrix {
  const std::int64_t* values;
  std::size_t rows;
  std::size_t columns;
};

/// matrix @ shares mod 2^128, of shares [columns, width, 2].
void multiply_shares(const PlainMatrix& matrix, const std::uint64_t* shares, std::size_t width,
                     std::uint64_t* out, const Run& run);

/// matrix^T @ shares mod 2^128, of shares [rows, width, 2].
void multiply_shares_transposed(const PlainMatrix& matrix, const std::uint64_t* shares,
                                std::size_t width, std::uint64_t* out, const Run& run);

}  // namespace pyfate
