// SPDX-License-Identifier: Apache-2.0
#include "group/stored_rows.h"

namespace pyfate {

StoredRows::StoredRows(const GroupContext& context, const std::uint64_t* c, std::size_t first,
                       std::size_t count, bool inverses, const Run& run)
    : first_(first), count_(count) {
  const Modulus& modulus = context.modulus();
  const std::size_t stored = modulus.stored_words();
  words_.reset(new (kAlignment) std::uint64_t[count * stored * (inverses ? 2 : 1)]);
  auto unpack = [&](const std::uint64_t* rows, std::uint64_t* out) {
    parallel_chunks(count, modulus.chunk_rows(count, 1, run), run,
                    [&](std::size_t begin, std::size_t end, Checkpoint&) {
                      modulus.kernels().unpack(modulus.engine(), modulus.view(rows), out, begin,
                                               end);
                    });
  };
  const std::uint64_t* rows = c + first * modulus.row_words();
  unpack(rows, words_.get());
  if (!inverses) return;
  Words inverted(count * modulus.row_words());
  context.invert(modulus.view(rows), count, inverted.data(), run);
  unpack(inverted.data(), words_.get() + count * stored);
}

}  // namespace pyfate
