// SPDX-License-Identifier: Apache-2.0
#include "group/stored_rows.h"

namespace pyfate {

StoredRows::StoredRows(const GroupContext& context, const std::uint64_t* c, std::size_t first,
                       std::size_t count, bool inverses, int powers, const Run& run)
    : first_(first), count_(count), signs_(inverses ? 2 : 1), words_(nullptr, Free{0}) {
  const Modulus& modulus = context.modulus();
  const std::size_t rows = count * signs_ * static_cast<std::size_t>(powers);
  const std::size_t bytes = rows * modulus.stored_words() * sizeof(std::uint64_t);
  words_ = {static_cast<std::uint64_t*>(allocate_rows(bytes)), Free{bytes}};
  const std::uint64_t* own = c + first * modulus.row_words();
  store(modulus, own, false, powers, run);
  if (!inverses) return;
  Words inverted(count * modulus.row_words());
  context.invert(modulus.view(own), count, inverted.data(), run);
  store(modulus, inverted.data(), true, powers, run);
}

void StoredRows::store(const Modulus& modulus, const std::uint64_t* rows, bool inverse, int powers,
                       const Run& run) {
  const KernelTable& kernels = modulus.kernels();
  parallel_chunks(
      count_, modulus.chunk_rows(count_, powers, run), run,
      [&](std::size_t begin, std::size_t end, Checkpoint&) {
        RowsView power = modulus.view(rows + begin * modulus.row_words());
        Words squares(powers > 1 ? (end - begin) * modulus.row_words() : 0);
        for (int i = 0; i < powers; ++i) {
          if (i > 0) {
            kernels.square_many(modulus.engine(), power, 1, squares.data(), 0, end - begin);
            power = modulus.view(squares.data());
          }
          const std::size_t target = position(first_ + begin, inverse, i);
          kernels.unpack(modulus.engine(), power, words_.get() + target * modulus.stored_words(), 0,
                         end - begin);
        }
      });
}

}  // namespace pyfate
