// SPDX-License-Identifier: Apache-2.0
// Ciphertexts in the form kernels compute with, and their inverses and powers when wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bigint/large_memory.h"
#include "group/group_context.h"

namespace pyfate {

/// Rows [first, first + count) of c, followed by their inverses, and so on for their powers 2^i,
/// i < powers.
class StoredRows {
 public:
  StoredRows(const GroupContext& context, const std::uint64_t* c, std::size_t first,
             std::size_t count, bool inverses, int powers, const Run& run);

  const std::uint64_t* data() const { return words_.get(); }
  /// Position of the row, or of its inverse, to the power 2^i; row counts from the first of c.
  std::uint32_t position(std::size_t row, bool inverse, int power = 0) const {
    const std::size_t block = static_cast<std::size_t>(power) * signs_ + (inverse ? 1 : 0);
    return static_cast<std::uint32_t>(row - first_ + block * count_);
  }

 private:
  void store(const Modulus& modulus, const std::uint64_t* rows, bool inverse, int powers,
             const Run& run);

  struct Free {
    std::size_t bytes;
    void operator()(std::uint64_t* words) const { release_rows(words, bytes); }
  };

  std::size_t first_;
  std::size_t count_;
  std::size_t signs_;
  /// Not cleared, neither before every row is written nor after: that would be one thread's work,
  /// and ciphertexts are no secret.
  std::unique_ptr<std::uint64_t, Free> words_;
};

}  // namespace pyfate
