// SPDX-License-Identifier: Apache-2.0
// Products with plaintexts, which need no randomness; encryption.cpp has what does.
#include "paillier/public_context.h"

#include <algorithm>
#include <stdexcept>

#include "bigint/secrecy.h"
#include "group/packed.h"

namespace pyfate {

void PublicContext::multiply_plain(RowsView a, SignedView plain, std::size_t rows,
                                   std::uint64_t* out, const Run& run) const {
  parallel_blocks(rows, modulus().chunk_rows(rows, 1, run), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    add_plain_chunk(rows_from(a, begin), plain, begin, end, out);
                  });
}

void PublicContext::add_plain_chunk(RowsView chunk, SignedView plain, std::size_t begin,
                                    std::size_t end, std::uint64_t* out) const {
  const std::size_t words = modulus().words();
  Words residues((end - begin) * words);
  std::uint64_t fits = ~std::uint64_t{0};
  for (std::size_t i = begin; i < end; ++i) {
    fits &= residue_of(plain.at(i), plain.words, modulus().n_words().data(), words,
                       &residues[(i - begin) * words]);
  }
  // Plaintexts are kept below n by bounds that are public.
  if (declassified(fits) == 0) throw std::invalid_argument("a plaintext is n or more in magnitude");
  modulus().kernels().multiply_plain(modulus().engine(), chunk, {residues.data(), nullptr, words},
                                     out + begin * modulus().row_words(), 0, end - begin);
}

}  // namespace pyfate
