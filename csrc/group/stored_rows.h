// SPDX-License-Identifier: Apache-2.0
// Ciphertexts in the form kernels compute with, and their inverses when wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "group/group_context.h"

namespace pyfate {

/// Rows [first, first + count) of c, followed by their inverses.
class StoredRows {
 public:
  StoredRows(const GroupContext& context, const std::uint64_t* c, std::size_t first,
             std::size_t count, bool inverses, const Run& run);

  const std::uint64_t* data() const { return words_.get(); }
  /// Position of the row, or of its inverse; row counts from the first of c.
  std::uint32_t position(std::size_t row, bool inverse) const {
    return static_cast<std::uint32_t>(row - first_ + (inverse ? count_ : 0));
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::uint64_t* words) const { ::operator delete[](words, kAlignment); }
  };

  std::size_t first_;
  std::size_t count_;
  /// Not cleared, neither before every row is written nor after: that would be one thread's work,
  /// and ciphertexts are no secret.
  std::unique_ptr<std::uint64_t[], Free> words_;
};

}  // namespace pyfate
