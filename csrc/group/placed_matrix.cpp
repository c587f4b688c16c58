// SPDX-License-Identifier: Apache-2.0
#include "group/placed_matrix.h"

#include <algorithm>

namespace pyfate {

namespace {

std::vector<std::int64_t> copy_of(const std::int64_t* begin, std::size_t count) {
  if (begin == nullptr) return {};
  return {begin, begin + count};
}

}  // namespace

PlacedMatrix::PlacedMatrix(const ExponentMatrix& matrix)
    : values_(copy_of(matrix.values, matrix.first(matrix.rows) * matrix.words)),
      offsets_(copy_of(matrix.offsets, matrix.rows + 1)),
      indices_(copy_of(matrix.indices, matrix.offsets ? matrix.first(matrix.rows) : 0)),
      matrix_{matrix.rows,
              matrix.columns,
              matrix.words,
              values_.data(),
              matrix.offsets != nullptr ? offsets_.data() : nullptr,
              matrix.offsets != nullptr ? indices_.data() : nullptr},
      summary_(matrix_) {}

std::size_t PlacedMatrix::bytes() const {
  std::size_t words = values_.size() + offsets_.size() + indices_.size();
  std::size_t digits = 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& side : sides_) {
    if (!side) continue;
    words += side->values.size() + side->offsets.size() + side->indices.size();
    if (side->plan && side->plan->digits) digits += side->plan->digits->bytes();
  }
  return words * sizeof(std::int64_t) + digits;
}

PlacedMatrix::Side& PlacedMatrix::side(bool transposed) const {
  std::unique_ptr<Side>& place = sides_[transposed ? 1 : 0];
  if (place) return *place;
  auto made = std::make_unique<Side>();
  made->matrix = matrix_;
  if (transposed) {
    std::swap(made->matrix.rows, made->matrix.columns);
    made->matrix.by_columns = true;
  }
  if (transposed && matrix_.offsets != nullptr) {
    // Entries sorted by column, those of a column by row.
    const std::size_t words = matrix_.words;
    made->offsets.resize(matrix_.columns + 1);
    made->indices.resize(indices_.size());
    made->values.resize(values_.size());
    for (const std::int64_t column : indices_)
      ++made->offsets[static_cast<std::size_t>(column) + 1];
    for (std::size_t i = 0; i < matrix_.columns; ++i) made->offsets[i + 1] += made->offsets[i];
    std::vector<std::int64_t> next(made->offsets.begin(), made->offsets.end() - 1);
    for (std::size_t row = 0; row < matrix_.rows; ++row) {
      for (std::size_t entry = matrix_.first(row); entry < matrix_.first(row + 1); ++entry) {
        const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(indices_[entry])]++);
        made->indices[to] = static_cast<std::int64_t>(row);
        std::copy_n(&values_[entry * words], words, &made->values[to * words]);
      }
    }
    made->matrix = {matrix_.columns,     matrix_.rows,         words,
                    made->values.data(), made->offsets.data(), made->indices.data()};
  }
  place = std::move(made);
  return *place;
}

std::shared_ptr<const MultiExponentiationPlan> PlacedMatrix::plan(Side& side,
                                                                  const Surroundings& surroundings,
                                                                  const Run& run) const {
  if (!side.plan || *side.surroundings != surroundings) {
    auto made = std::make_shared<MultiExponentiationPlan>(
        plan_multi_exponentiation(side.matrix, summary_, surroundings));
    if (made->method != MultiExponentiationPlan::Method::kPowers) {  // which has digits of its own
      made->digits = std::make_shared<DigitTable>(side.matrix, made->windows, run);
    }
    side.surroundings = std::make_unique<Surroundings>(surroundings);
    side.plan = std::move(made);
  }
  return side.plan;
}

void PlacedMatrix::multiply_var(const GroupContext& context, bool transposed,
                                const std::uint64_t* c, std::size_t columns, std::uint64_t* out,
                                const Run& run) const {
  const std::size_t outputs = (transposed ? matrix_.columns : matrix_.rows) * columns;
  if (outputs == 0) return;
  if (summary_.nonzero == 0) {
    context.modulus().set_ones(out, outputs);
    return;
  }
  const Surroundings surroundings = surroundings_of(context, columns, run);
  std::unique_lock<std::mutex> lock(mutex_);
  Side& chosen = side(transposed);
  const auto made = plan(chosen, surroundings, run);
  lock.unlock();
  // Plans may be replaced meanwhile; a side's matrix is never changed.
  multi_exponentiate_var(context, chosen.matrix, *made, surroundings, c, out, run);
}

}  // namespace pyfate
