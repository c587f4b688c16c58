// SPDX-License-Identifier: Apache-2.0
// A matrix that is multiplied more than once, by itself or by its transpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "group/multi_exponentiation.h"

namespace pyfate {

/// A copy of a matrix, with the plan and the digits of the last product on each side. It knows
/// neither a modulus nor an instruction set; any context may multiply by it, and several threads.
class PlacedMatrix {
 public:
  explicit PlacedMatrix(const ExponentMatrix& matrix);
  PlacedMatrix(const PlacedMatrix&) = delete;
  PlacedMatrix& operator=(const PlacedMatrix&) = delete;

  std::size_t rows() const { return matrix_.rows; }
  std::size_t columns() const { return matrix_.columns; }
  /// Bytes held: entries, and the digits that were made so far.
  std::size_t bytes() const;

  /// out = matrix @ c, or its transpose @ c, for c of that many columns; rows as in
  /// multi_exponentiate_var.
  void multiply_var(const GroupContext& context, bool transposed, const std::uint64_t* c,
                    std::size_t columns, std::uint64_t* out, const Run& run) const;

 private:
  struct Side {
    ExponentMatrix matrix;
    std::vector<std::int64_t> values, offsets, indices;  ///< of a sparse transpose
    std::unique_ptr<Surroundings> surroundings;
    std::shared_ptr<const MultiExponentiationPlan> plan;
  };

  /// The side, its transpose made if that is still to do. Precondition: mutex_ is held.
  Side& side(bool transposed) const;
  std::shared_ptr<const MultiExponentiationPlan> plan(Side& side, const Surroundings& surroundings,
                                                      const Run& run) const;

  std::vector<std::int64_t> values_, offsets_, indices_;
  ExponentMatrix matrix_;
  MatrixSummary summary_;
  mutable std::mutex mutex_;  ///< guards sides_
  mutable std::unique_ptr<Side> sides_[2];
};

}  // namespace pyfate
