// SPDX-License-Identifier: Apache-2.0
// Batched operations on residues, for any scheme whose modulus is public. Rows in, rows out; sizes
// are checked by the caller.
#pragma once

#include <cstddef>
#include <cstdint>

#include "group/modulus.h"

namespace pyfate {

/// A plaintext or scalar array: int64 [*, words], row i at (index ? index[i] : i).
struct SignedView {
  const std::int64_t* values;
  const std::int64_t* index;
  std::size_t words;

  const std::int64_t* at(std::size_t i) const {
    return values + words * (index != nullptr ? static_cast<std::size_t>(index[i]) : i);
  }
};

class GroupContext {
 public:
  GroupContext(const Integer& n, const InstructionSet& set) : modulus_(n, set), set_(set) {}

  const Modulus& modulus() const { return modulus_; }
  const InstructionSet& instruction_set() const { return set_; }
  RowsView view(const std::uint64_t* rows, const std::int64_t* index = nullptr) const {
    return modulus_.view(rows, index);
  }

  void enter(const std::uint64_t* canonical, std::size_t rows, std::uint64_t* out,
             const Run& run) const;
  void leave(const std::uint64_t* rows_in, std::size_t rows, std::uint64_t* canonical,
             const Run& run) const;
  void multiply(RowsView a, RowsView b, std::size_t rows, std::uint64_t* out, const Run& run) const;
  /// Throws std::invalid_argument naming the first row that has no inverse. out must not overlap a.
  void invert(RowsView a, std::size_t rows, std::uint64_t* out, const Run& run) const;
  void scale(RowsView a, SignedView scalars, std::size_t rows, std::uint64_t* out,
             const Run& run) const;
  /// out[i] = product over s of a[numbers[s, i]]^(2^(bits s)), for numbers [steps, outputs].
  void horner(const std::uint64_t* a, const std::int64_t* numbers, std::size_t steps,
              std::size_t outputs, int bits, std::uint64_t* out, const Run& run) const;
  /// out[s] = product of rows index[offsets[s]] .. index[offsets[s + 1] - 1].
  void segment_multiply(const std::uint64_t* a, const std::int64_t* index,
                        const std::int64_t* offsets, std::size_t segments, std::uint64_t* out,
                        const Run& run) const;

 private:
  Modulus modulus_;
  const InstructionSet& set_;
};

}  // namespace pyfate
