// SPDX-License-Identifier: Apache-2.0
// Signed bucket (Pippenger) multi-exponentiation of a block of ciphertexts.
#pragma once

#include "group/multi_exponentiation.h"
#include "group/stored_rows.h"

namespace pyfate {

/// out[i * columns + j] = product over t in [first, last) of c[t, j]^matrix[i, t].
/// Precondition: `stored` holds the rows first * columns .. last * columns of c, with inverses when
/// the plan wants them.
void bucket_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                             const MultiExponentiationPlan& plan, const StoredRows& stored,
                             std::size_t first, std::size_t last, std::size_t columns,
                             std::uint64_t* out, const Run& run);

}  // namespace pyfate
