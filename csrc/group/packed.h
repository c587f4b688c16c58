// SPDX-License-Identifier: Apache-2.0
// Small operations on packed words between kernels; each is linear or one short product a row.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pyfate {

/// out (out_words words) = `bits` bits of `words` starting at bit `offset`, zero-extended.
void cut_bits(const std::uint64_t* words, std::size_t count, int offset, int bits,
              std::uint64_t* out, std::size_t out_words);

/// out (2 * words words) = low + high * n. No overflow when all are below n or low < 2^(64 words).
void recompose(const std::uint64_t* low, const std::uint64_t* high, const std::uint64_t* n,
               std::size_t words, std::uint64_t* out);

/// out (`words` words) = value mod n for a two's complement value of `value_words` words. Returns
/// all ones when |value| < n and 0 otherwise. Time does not depend on the value.
std::uint64_t residue_of(const std::int64_t* value, std::size_t value_words, const std::uint64_t* n,
                         std::size_t words, std::uint64_t* out);

/// out (`count` words) = |value|; returns whether it was negative.
bool magnitude_of(const std::int64_t* value, std::size_t count, std::uint64_t* out);

/// Bits of a little-endian number, 0 for zero.
int bit_length(const std::uint64_t* words, std::size_t count);

/// a < b, in time that does not depend on the values.
bool less_than(const std::uint64_t* a, const std::uint64_t* b, std::size_t count);

}  // namespace pyfate
