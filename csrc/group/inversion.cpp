// SPDX-License-Identifier: Apache-2.0
#include "group/inversion.h"

#include <algorithm>

namespace pyfate {

namespace {

/// Inverts `count` rows in place with one scalar inversion. False when the product has no inverse.
bool invert_few_var(const Modulus& modulus, std::uint64_t* rows, std::size_t count) {
  const KernelTable& kernels = modulus.kernels();
  const std::size_t row = modulus.row_words();
  Words prefix(count * row);  // prefix row i = product of rows 0..i
  std::copy(rows, rows + row, prefix.begin());
  for (std::size_t i = 1; i < count; ++i) {
    kernels.multiply(modulus.engine(), modulus.view(&prefix[(i - 1) * row]),
                     modulus.view(rows + i * row), &prefix[i * row], 0, 1);
  }
  Words running(row);
  if (!modulus.invert_row_var(&prefix[(count - 1) * row], running.data())) return false;
  Words next(row);
  for (std::size_t i = count - 1; i > 0; --i) {
    kernels.multiply(modulus.engine(), modulus.view(running.data()), modulus.view(rows + i * row),
                     next.data(), 0, 1);
    kernels.multiply(modulus.engine(), modulus.view(running.data()),
                     modulus.view(&prefix[(i - 1) * row]), rows + i * row, 0, 1);
    running.swap(next);
  }
  std::copy(running.begin(), running.end(), rows);
  return true;
}

}  // namespace

std::size_t inversion_chunk(const Modulus& modulus) {
  // At 2,048 rows the inversion costs 2 % of the products, and their prefixes still fit a cache.
  constexpr std::size_t kEnough = 2048;
  const auto by_time = static_cast<std::size_t>(modulus.products_per_chunk() / 3);
  return std::max<std::size_t>(std::min(by_time, kEnough), modulus.kernels().lanes);
}

void invert_chunk_var(const Modulus& modulus, RowsView a, std::size_t begin, std::size_t end,
                      std::uint64_t* out) {
  const KernelTable& kernels = modulus.kernels();
  const std::size_t row = modulus.row_words();
  const std::size_t count = end - begin;
  const RowsView rows = rows_from(a, begin);
  Words prefix(count * row);
  Words totals(kernels.lanes * row);
  kernels.prefix_products(modulus.engine(), rows, count, prefix.data(), totals.data());
  if (invert_few_var(modulus, totals.data(), std::min<std::size_t>(count, kernels.lanes))) {
    kernels.unwind_inverses(modulus.engine(), rows, count, prefix.data(), totals.data(), out);
    return;
  }
  Words inverse(row);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t position =
        rows.index != nullptr ? static_cast<std::size_t>(rows.index[i]) : i;
    if (!modulus.invert_row_var(rows.words + row * position, inverse.data())) {
      throw NotInvertible(begin + i);
    }
  }
  throw std::logic_error("a product has no inverse, but each of its factors does");
}

}  // namespace pyfate
