// SPDX-License-Identifier: Apache-2.0
// Batched operations under a public key. Rows in, rows out; sizes are checked by the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "context/modulus.h"
#include "context/power_table.h"

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

class PublicContext {
 public:
  PublicContext(const Integer& n, const InstructionSet& set) : modulus_(n, set), set_(set) {}

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
  /// Throws std::invalid_argument when some |plain| >= n.
  void multiply_plain(RowsView a, SignedView plain, std::size_t rows, std::uint64_t* out,
                      const Run& run) const;
  /// Throws std::invalid_argument naming the first row that has no inverse. out must not overlap a.
  void invert(RowsView a, std::size_t rows, std::uint64_t* out, const Run& run) const;
  void scale(RowsView a, SignedView scalars, std::size_t rows, std::uint64_t* out,
             const Run& run) const;
  /// out[s] = product of rows index[offsets[s]] .. index[offsets[s + 1] - 1].
  void segment_multiply(const std::uint64_t* a, const std::int64_t* index,
                        const std::int64_t* offsets, std::size_t segments, std::uint64_t* out,
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

  Modulus modulus_;
  const InstructionSet& set_;
  std::shared_ptr<const PowerTable> blinding_;
};

/// `count` exponents of table.bits() bits each.
void draw_exponents(const PowerTable& table, class ChaCha20& random, std::size_t count,
                    std::uint64_t* out);

}  // namespace pyfate
