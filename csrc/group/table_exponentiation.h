// SPDX-License-Identifier: Apache-2.0
// Few ciphertexts, many outputs: a table of the powers of each ciphertext, shared by all outputs.
#pragma once

#include "group/multi_exponentiation.h"

namespace pyfate {

/// As multi_exponentiate_var, by tables.
void table_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                            const MultiExponentiationPlan& plan, const std::uint64_t* c,
                            std::size_t columns, std::uint64_t* out, const Run& run);

}  // namespace pyfate
