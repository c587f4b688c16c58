// SPDX-License-Identifier: Apache-2.0
// Changes of form, products and inverses; scaling.cpp and segments.cpp have the others.
#include "group/group_context.h"

#include <algorithm>

#include "group/inversion.h"
#include "group/packed.h"

namespace pyfate {

void GroupContext::enter(const std::uint64_t* canonical, std::size_t rows, std::uint64_t* out,
                         const Run& run) const {
  // Two pieces cut at bit `bits` rather than at a word: each is below 2^bits <= 2 n.
  const int bits = modulus_.bits();
  const std::size_t words = modulus_.words();
  const std::size_t row = modulus_.row_words();
  SecretWords factors = modulus_.factor_row(1);
  const SecretWords high = modulus_.factor_row(Integer::power_of_two(bits));
  factors.insert(factors.end(), high.begin(), high.end());
  parallel_blocks(rows, modulus_.chunk_rows(rows, 2, run), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    Words pieces((end - begin) * row);
                    for (std::size_t i = begin; i < end; ++i) {
                      const std::uint64_t* value = canonical + i * row;
                      std::uint64_t* piece = &pieces[(i - begin) * row];
                      cut_bits(value, row, 0, bits, piece, words);
                      cut_bits(value, row, bits, bits, piece + words, words);
                    }
                    modulus_.kernels().linear(modulus_.engine(), pieces.data(), modulus_.words(),
                                              factors.data(), 2, out + begin * row, 0, end - begin);
                  });
}

void GroupContext::leave(const std::uint64_t* rows_in, std::size_t rows, std::uint64_t* canonical,
                         const Run& run) const {
  const std::size_t words = modulus_.words();
  const std::size_t row = modulus_.row_words();
  parallel_blocks(rows, modulus_.chunk_rows(rows, 2, run), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    Words plain((end - begin) * row);
                    modulus_.kernels().leave(modulus_.engine(), view(rows_in + begin * row),
                                             plain.data(), 0, end - begin);
                    for (std::size_t i = 0; i < end - begin; ++i) {
                      recompose(&plain[i * row], &plain[i * row + words], modulus_.n_words().data(),
                                words, canonical + (begin + i) * row);
                    }
                  });
}

void GroupContext::multiply(RowsView a, RowsView b, std::size_t rows, std::uint64_t* out,
                            const Run& run) const {
  parallel_chunks(rows, modulus_.chunk_rows(rows, 1, run), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    modulus_.kernels().multiply(modulus_.engine(), a, b, out, begin, end);
                  });
}

void GroupContext::invert(RowsView a, std::size_t rows, std::uint64_t* out, const Run& run) const {
  // As many chunks for each thread: each costs an inversion, so there are no more than needed.
  const std::size_t threads = static_cast<std::size_t>(std::max(run.threads, 1));
  const std::size_t rounds = rows / (threads * inversion_chunk(modulus_)) + 1;
  const std::size_t chunk = (rows + rounds * threads - 1) / (rounds * threads);
  parallel_chunks(rows, chunk, run, [&](std::size_t begin, std::size_t end, Checkpoint&) {
    invert_chunk_var(modulus_, a, begin, end, out + begin * modulus_.row_words());
  });
}

}  // namespace pyfate
