// SPDX-License-Identifier: Apache-2.0
// Batched inversion of a chunk of rows on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "group/modulus.h"

namespace pyfate {

struct NotInvertible : std::invalid_argument {
  explicit NotInvertible(std::size_t row)
      : std::invalid_argument("row " + std::to_string(row) +
                              " has no inverse: it shares a factor with n"),
        row(row) {}
  std::size_t row;
};

/// Rows worth one scalar inversion, in at most about 30 ms.
std::size_t inversion_chunk(const Modulus& modulus);

/// out row i = 1 / row (begin + i) of a. Throws NotInvertible. out must not overlap a.
void invert_chunk_var(const Modulus& modulus, RowsView a, std::size_t begin, std::size_t end,
                      std::uint64_t* out);

}  // namespace pyfate
