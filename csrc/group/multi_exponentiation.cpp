// SPDX-License-Identifier: Apache-2.0
#include "group/multi_exponentiation.h"

#include <algorithm>

#include "group/bucket_exponentiation.h"
#include "group/stored_rows.h"
#include "group/table_exponentiation.h"

namespace pyfate {

namespace {

/// Memory for tables, and for ciphertexts in stored form, which are taken in blocks beyond it.
constexpr std::size_t kScratchBytes = std::size_t{256} << 20;

}  // namespace

Surroundings surroundings_of(const GroupContext& context, std::size_t columns, const Run& run) {
  const auto lanes = static_cast<std::size_t>(context.modulus().kernels().lanes);
  const std::size_t stored = context.modulus().stored_words() * sizeof(std::uint64_t);
  return {columns, lanes * static_cast<std::size_t>(run.threads), kScratchBytes / stored,
          lanes * stored};
}

void multi_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                            const std::uint64_t* c, std::size_t columns, std::uint64_t* out,
                            const Run& run) {
  if (matrix.rows * columns == 0) return;
  const MatrixSummary summary(matrix);
  if (summary.nonzero == 0) {
    context.modulus().set_ones(out, matrix.rows * columns);
    return;
  }
  const Surroundings surroundings = surroundings_of(context, columns, run);
  const auto plan = plan_multi_exponentiation(matrix, summary, surroundings);
  multi_exponentiate_var(context, matrix, plan, surroundings, c, out, run);
}

void multi_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                            const MultiExponentiationPlan& plan, const Surroundings& surroundings,
                            const std::uint64_t* c, std::uint64_t* out, const Run& run) {
  const Modulus& modulus = context.modulus();
  const std::size_t columns = surroundings.columns;
  if (plan.method == MultiExponentiationPlan::Method::kTables) {
    table_exponentiate_var(context, matrix, plan, c, columns, out, run);
    return;
  }
  const std::size_t outputs = matrix.rows * columns;
  const std::size_t kept = (plan.inverses ? 2 : 1) * static_cast<std::size_t>(plan.powers());
  const std::size_t block = std::max<std::size_t>(1, surroundings.table_rows / (columns * kept));
  Words partial(matrix.columns > block ? outputs * modulus.row_words() : 0);
  for (std::size_t first = 0; first < matrix.columns; first += block) {
    const std::size_t last = std::min(matrix.columns, first + block);
    const StoredRows stored(context, c, first * columns, (last - first) * columns, plan.inverses,
                            plan.powers(), run);
    std::uint64_t* target = first == 0 ? out : partial.data();
    bucket_exponentiate_var(context, matrix, plan, stored, first, last, columns, target, run);
    if (first == 0) continue;
    context.multiply(modulus.view(out), modulus.view(partial.data()), outputs, out, run);
  }
}

}  // namespace pyfate
