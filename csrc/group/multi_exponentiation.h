// SPDX-License-Identifier: Apache-2.0
// Matrix times ciphertexts: out[i, j] = product over t of c[t, j]^matrix[i, t].
// docs/algorithms/bucket-multi-exponentiation.md explains both methods and the cost model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "group/exponent_matrix.h"
#include "group/group_context.h"

namespace pyfate {

/// How a product is computed; all costs are counted in multiplications of rows.
struct MultiExponentiationPlan {
  enum class Method {
    kBuckets,  ///< an output's ciphertexts are gathered in buckets by digit
    kPowers,   ///< buckets of odd digits; the powers 2^i of each ciphertext serve all outputs
    kTables,   ///< each ciphertext gets a table of its powers, shared by all outputs
  };

  Method method;
  DigitWindows windows;  ///< a single one, not cut, for powers
  int odd_width;         ///< of the odd digits, for powers
  /// Negative digits use the inverse of the ciphertext. Otherwise they go to buckets of their own
  /// and one inversion an output follows.
  bool inverses;
  /// Parts an output is cut into, so that every lane of every thread has work.
  std::size_t slices;
  double cost;
  /// Digits of the windows, where the matrix is multiplied more than once.
  std::shared_ptr<const DigitTable> digits = nullptr;

  /// Powers 2^i that are kept of each ciphertext.
  int powers() const { return method == Method::kPowers ? windows.widths.front() + 1 : 1; }
  /// The greatest magnitude of a digit has this bucket.
  std::size_t buckets(int window) const {
    if (method == Method::kPowers) return std::size_t{1} << (odd_width - 2);
    return windows.buckets(window);
  }
};

/// What a plan has to know beside the matrix.
struct Surroundings {
  std::size_t columns;       ///< of ciphertexts
  std::size_t workers;       ///< lanes in all threads
  std::size_t table_rows;    ///< stored rows that tables, or blocks of ciphertexts, may take
  std::size_t bucket_bytes;  ///< of one bucket in each lane of a thread

  bool operator==(const Surroundings& other) const = default;
};
Surroundings surroundings_of(const GroupContext& context, std::size_t columns, const Run& run);

/// The cheapest plan.
MultiExponentiationPlan plan_multi_exponentiation(const ExponentMatrix& matrix,
                                                  const MatrixSummary& summary,
                                                  const Surroundings& surroundings);

/// c: rows [matrix.columns * columns], out: rows [matrix.rows * columns], both row-major. Throws
/// NotInvertible when an inverse is needed and a ciphertext has none.
void multi_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                            const std::uint64_t* c, std::size_t columns, std::uint64_t* out,
                            const Run& run);

/// The same by a plan for these surroundings. Precondition: some entry is not zero.
void multi_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                            const MultiExponentiationPlan& plan, const Surroundings& surroundings,
                            const std::uint64_t* c, std::uint64_t* out, const Run& run);

}  // namespace pyfate
