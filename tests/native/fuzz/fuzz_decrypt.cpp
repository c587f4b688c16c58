// SPDX-License-Identifier: Apache-2.0
// Decryption of any rows whatever, and the owner's encryption, against the textbook: the plaintext
// is L(c^lambda) / lambda mod n, or c shares a factor with n and is refused.
#include <stdexcept>

#include "input.h"
#include "paillier/private_context.h"
#include "paillier/public_context.h"

using fuzz::Input;
using fuzz::Integer;
using fuzz::require;
using pyfate::Words;

namespace {

constexpr pyfate::Run kRun{1, nullptr, nullptr};

/// Primes 2^bits - below.
struct Prime {
  int bits;
  unsigned below;
};

constexpr Prime kPrimes[] = {{61, 1},   {64, 59},   {64, 83},   {80, 65}, {89, 1},
                             {100, 15}, {128, 159}, {128, 173}, {107, 1}, {127, 1}};

Integer prime(Input& input, unsigned& which) {
  which = input.choice(std::size(kPrimes));
  return Integer::power_of_two(kPrimes[which].bits) - Integer(kPrimes[which].below);
}

class Key {
 public:
  Key(const Integer& p, const Integer& q, const pyfate::InstructionSet& set)
      : n_(p * q),
        square_(n_ * n_),
        lambda_((p - 1) * (q - 1)),
        context_(n_, set),
        owner_(p, q, p - 1, q - 1, set),
        words_(static_cast<std::size_t>(context_.modulus().words())) {
    require(pyfate::invert_var(lambda_, n_, mu_), "n is coprime to (p - 1)(q - 1)");
  }

  /// Rows by their halves, as they come.
  void decrypt_anything(Input& input) {
    const std::size_t count = 1 + input.choice(9);
    Words rows(count * 2 * words_);
    for (std::size_t i = 0; i < 2 * count; ++i) input.below(n_).to_words(&rows[i * words_], words_);
    Words canonical(rows.size());
    context_.leave(rows.data(), count, canonical.data(), kRun);
    Words plain(count * words_);
    bool refused = false;
    try {
      owner_.decrypt(context_, rows.data(), count, plain.data(), kRun);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    bool coprime = true;
    for (std::size_t i = 0; i < count; ++i) {
      const Integer c = Integer::from_words(&canonical[i * 2 * words_], 2 * words_);
      Integer inverse;
      if (!pyfate::invert_var(c, n_, inverse)) {
        coprime = false;
        continue;
      }
      if (refused) continue;
      const Integer power = fuzz::power(c, lambda_, square_);
      require(Integer::from_words(&plain[i * words_], words_) == power / n_ * mu_ % n_, "decrypt");
    }
    require(refused == !coprime, "what is not coprime to n is refused, all else decrypts");
  }

  /// (1 + m n) base^e, whoever computes it.
  void encrypt(Input& input, bool balanced) {
    const bool hardened = input.byte() % 2 != 0;
    const int bits = 1 + static_cast<int>(input.choice(70));
    const Integer base = fuzz::power(input.below(n_), n_, square_);
    Integer inverse;
    if (!pyfate::invert_var(base % n_, n_, inverse)) return;  // a table is made of units
    context_.set_blinding_base(base, bits, Integer(1), 1 << 10, hardened, kRun);
    const std::int64_t plain = static_cast<std::int64_t>(input.number(62).low_word());
    const Integer exponent = input.number(bits);
    Words exponents(static_cast<std::size_t>(context_.blinding()->exponent_words()));
    exponent.to_words(exponents.data(), exponents.size());
    const Integer expected = (Integer(1) + Integer(static_cast<std::uint64_t>(plain)) % n_ * n_) *
                             fuzz::power(base, exponent, square_) % square_;
    Words row(2 * words_);
    Words canonical(2 * words_);
    context_.encrypt({&plain, nullptr, 1}, exponents.data(), 1, row.data(), kRun);
    context_.leave(row.data(), 1, canonical.data(), kRun);
    require(Integer::from_words(canonical.data(), 2 * words_) == expected, "encrypt");
    if (!balanced) return;
    owner_.set_blinding_base(base, bits, Integer(1), 1 << 10, hardened, kRun);
    Words mine(2 * words_);
    owner_.encrypt(context_, {&plain, nullptr, 1}, exponents.data(), 1, mine.data(), kRun);
    require(mine == row, "the owner's encryption");
  }

 private:
  Integer n_;
  Integer square_;
  Integer lambda_;
  Integer mu_;
  pyfate::PublicContext context_;
  pyfate::PrivateContext owner_;
  std::size_t words_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const pyfate::InstructionSet& set = input.instruction_set();
  unsigned first = 0;
  unsigned second = 0;
  const Integer p = prime(input, first);
  const Integer q = prime(input, second);
  if (first == second) return 0;
  Key key(p, q, set);
  key.decrypt_anything(input);
  key.encrypt(input, kPrimes[first].bits == kPrimes[second].bits);
  return 0;
}
