// SPDX-License-Identifier: Apache-2.0
#include "group/modulus.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace pyfate {

namespace {

/// -1 / n mod 2^64 by Newton's iteration: each step doubles the correct low bits, n itself has 3.
std::uint64_t negative_inverse(std::uint64_t n) {
  std::uint64_t inverse = n;
  for (int step = 0; step < 5; ++step) inverse *= 2 - n * inverse;
  return 0 - inverse;
}

}  // namespace

Modulus::Modulus(const Integer& n, const InstructionSet& set)
    : n_(n), n_squared_(n * n), bits_(n.bits()), words_((n.bits() + 63) / 64) {
  if (!n.is_odd() || bits_ < 3 || bits_ > kMaxBits) {
    throw std::invalid_argument("the modulus has " + std::to_string(bits_) +
                                " bits; it must be odd and have 3 to " + std::to_string(kMaxBits) +
                                " bits");
  }
  const int limbs = set.limbs_for(bits_);
  r_bits_ = limbs * set.radix_bits;
  kernels_ = set.kernels_for(bits_);
  n_words_.resize(words_);
  n_.to_words(n_words_.data(), words_);

  const Integer r = Integer::power_of_two(r_bits_);
  const Integer one = r % n_squared_;
  const Integer r_squared = r * r % n_squared_;
  const Integer complement = (r + n_ - 1) / n_ * n_ - (r - 1);
  auto limbs_of = [&](const Integer& value) { return value.to_limbs(set.radix_bits, limbs); };
  const SecretWords n_limbs = limbs_of(n_);
  const SecretWords complement_limbs = limbs_of(complement);
  const SecretWords one_low = limbs_of(one % n_);
  const SecretWords one_high = limbs_of(one / n_);
  const SecretWords square_low = limbs_of(r_squared % n_);
  const SecretWords square_high = limbs_of(r_squared / n_);
  const SecretWords r_mod_n = limbs_of(r % n_);
  const SecretWords square_mod_n = limbs_of(r * r % n_);
  const std::uint64_t radix_mask =
      set.radix_bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << set.radix_bits) - 1;
  const ModulusConstants constants = {
      bits_,
      words_,
      limbs,
      set.radix_bits,
      n_words_.data(),
      n_limbs.data(),
      complement_limbs.data(),
      one_low.data(),
      one_high.data(),
      square_low.data(),
      square_high.data(),
      r_mod_n.data(),
      square_mod_n.data(),
      negative_inverse(n_.low_word()) & radix_mask,
  };
  engine_.resize((kernels_->engine_bytes + 7) / 8);
  kernels_->construct(engine_.data(), constants);
  to_montgomery_ = factor_row(1);
  one_ = montgomery_row(1);
}

SecretWords Modulus::plain_row(const Integer& value) const {
  SecretWords row(row_words());
  const Integer reduced = value % n_squared_;
  (reduced % n_).to_words(row.data(), words_);
  (reduced / n_).to_words(row.data() + words_, words_);
  return row;
}

SecretWords Modulus::montgomery_row(const Integer& value) const {
  return plain_row((value % n_squared_) << r_bits_);
}

SecretWords Modulus::factor_row(const Integer& value) const {
  return plain_row((value % n_squared_) << (2 * r_bits_));
}

void Modulus::set_ones(std::uint64_t* rows, std::size_t count) const {
  for (std::size_t i = 0; i < count; ++i)
    std::copy(one_.begin(), one_.end(), rows + i * one_.size());
}

double Modulus::products_per_chunk() const {
  // Word products of one multiplication at about 0.4 ns each on one lane; eight lanes of vector
  // instructions win less than their number.
  const double nanoseconds = 40 + 2.0 * words_ * words_ / (kernels_->lanes > 1 ? 3 : 1);
  return 30e6 / nanoseconds;
}

std::size_t Modulus::chunk_rows(std::size_t rows, double products, const Run& run) const {
  const std::size_t lanes = kernels_->lanes;
  const double by_time = std::max(1.0, products_per_chunk() / products);
  // A thread takes longer to wake up than it would save of 0.2 ms.
  if (static_cast<double>(rows) < by_time / 150) return std::max<std::size_t>(rows, 1);
  const double by_threads = static_cast<double>(rows) / (4.0 * std::max(run.threads, 1));
  const auto chunk = static_cast<std::size_t>(std::min(by_time, by_threads));
  return std::max<std::size_t>(1, chunk / lanes) * lanes;
}

bool Modulus::invert_row_var(const std::uint64_t* row, std::uint64_t* out) const {
  // With u = 1 / row mod n: row * u = 1 + t n, and 1 / row = u * (1 - t n) mod n^2.
  Words plain(row_words());
  kernels_->leave(engine(), view(row), plain.data(), 0, 1);
  Integer inverse;
  if (!invert_var(Integer::from_words(plain.data(), words_), n_, inverse)) return false;
  Words piece(words_);
  inverse.to_words(piece.data(), words_);
  Words lifted(row_words());
  kernels_->linear(engine(), piece.data(), words_, to_montgomery_.data(), 1, lifted.data(), 0, 1);
  kernels_->multiply(engine(), view(row), view(lifted.data()), plain.data(), 0, 1);
  kernels_->leave(engine(), view(plain.data()), plain.data(), 0, 1);
  const Integer t = Integer::from_words(plain.data() + words_, words_);
  (t.is_zero() ? t : n_ - t).to_words(piece.data(), words_);
  const RowsView residue{piece.data(), nullptr, static_cast<std::size_t>(words_)};
  kernels_->multiply_plain(engine(), view(lifted.data()), residue, out, 0, 1);
  return true;
}

}  // namespace pyfate
