// SPDX-License-Identifier: Apache-2.0
// A number n bound to the kernels of an instruction set, whose engine computes mod n^2: what this
// folder calls the engine's modulus. n may be a prime of a private key, so all that is kept here is
// in memory for secrets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bigint/integer.h"
#include "bigint/secure_memory.h"
#include "cpu/parallel.h"
#include "pyfate/instruction_set.h"

namespace pyfate {

/// Rows and scratch of public operations; SecretWords is for what depends on a key.
using Words = std::vector<std::uint64_t, ZeroingAllocator<std::uint64_t>>;

/// The view whose row 0 is row `begin` of a.
inline RowsView rows_from(RowsView a, std::size_t begin) {
  if (a.index != nullptr) return {a.words, a.index + begin, a.stride};
  return {a.words + a.stride * begin, nullptr, a.stride};
}

class Modulus {
 public:
  static constexpr int kMaxBits = 8192;

  /// n odd, of 3 to kMaxBits bits; otherwise std::invalid_argument.
  Modulus(const Integer& n, const InstructionSet& set);

  const KernelTable& kernels() const { return *kernels_; }
  const void* engine() const { return engine_.data(); }
  int bits() const { return bits_; }
  int words() const { return words_; }
  std::size_t row_words() const { return 2 * static_cast<std::size_t>(words_); }
  std::size_t stored_words() const { return kernels_->stored_words(engine()); }
  const Integer& n() const { return n_; }
  const SecretWords& n_words() const { return n_words_; }
  const Integer& n_squared() const { return n_squared_; }
  int r_bits() const { return r_bits_; }

  RowsView view(const std::uint64_t* rows, const std::int64_t* index = nullptr) const {
    return {rows, index, row_words()};
  }

  /// A value mod n^2 as a row, as it is, in Montgomery form, and as the factor that takes a plain
  /// piece into Montgomery form by one multiplication.
  SecretWords plain_row(const Integer& value) const;
  SecretWords montgomery_row(const Integer& value) const;
  SecretWords factor_row(const Integer& value) const;
  void set_ones(std::uint64_t* rows, std::size_t count = 1) const;

  /// Rows for a chunk of about 30 ms at `products` multiplications a row: a multiple of the lanes,
  /// small enough that every thread gets several; or all, if they are too little work to share.
  std::size_t chunk_rows(std::size_t rows, double products, const Run& run) const;
  /// Multiplications mod n^2 in about 30 ms, whole lanes counted one by one.
  double products_per_chunk() const;

  /// 1 / row mod n^2 in Montgomery form. False when it has no inverse.
  bool invert_row_var(const std::uint64_t* row, std::uint64_t* out) const;

 private:
  friend struct SecretsOf;  // tests/native/test_constant_time.cpp

  Integer n_;
  Integer n_squared_;
  int bits_;
  int words_;
  int r_bits_;
  const KernelTable* kernels_;
  SecretWords n_words_;
  SecretWords engine_;
  SecretWords to_montgomery_;
  SecretWords one_;
};

}  // namespace pyfate
