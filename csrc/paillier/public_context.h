// SPDX-License-Identifier: Apache-2.0
// What Paillier adds to its group: plaintexts, encryption, re-blinding. Sizes are checked by the
// caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "group/group_context.h"
#include "group/power_table.h"

namespace pyfate {

/// The group of a key's ciphertexts.
class PublicContext : public GroupContext {
 public:
  using GroupContext::GroupContext;

  /// Throws std::invalid_argument when some |plain| >= n.
  void multiply_plain(RowsView a, SignedView plain, std::size_t rows, std::uint64_t* out,
                      const Run& run) const;

  void set_blinding_base(const Integer& base, int exponent_bits, const Integer& sign_base,
                         std::size_t table_bytes, bool hardened, const Run& run);
  /// Null before set_blinding_base. A call holds on to the table it started with.
  std::shared_ptr<const PowerTable> blinding() const { return std::atomic_load(&blinding_); }

  /// (1 + plain n) * base^exponent, fresh exponents when `exponents` is null.
  void encrypt(SignedView plain, const std::uint64_t* exponents, std::size_t rows,
               std::uint64_t* out, const Run& run) const;
  void blind(RowsView a, const std::uint64_t* exponents, std::size_t rows, std::uint64_t* out,
             const Run& run) const;
  /// (1 + plain n) * r^n, fresh r in [1, n) when `r` is null.
  void encrypt_full(SignedView plain, const std::uint64_t* r, std::size_t rows, std::uint64_t* out,
                    const Run& run) const;
  void blind_full(RowsView a, const std::uint64_t* r, std::size_t rows, std::uint64_t* out,
                  const Run& run) const;

  /// out rows [begin, end) = chunk rows [0, end - begin) times (1 + plain rows [begin, end) n).
  void add_plain_chunk(RowsView chunk, SignedView plain, std::size_t begin, std::size_t end,
                       std::uint64_t* out) const;

 private:
  template <class Finish>
  void with_short_powers(const std::uint64_t* exponents, std::size_t rows, const Run& run,
                         Finish finish) const;
  template <class Finish>
  void with_full_powers(const std::uint64_t* r, std::size_t rows, const Run& run,
                        Finish finish) const;

  std::shared_ptr<const PowerTable> blinding_;
};

}  // namespace pyfate
